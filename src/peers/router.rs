//! Who answers which question in this process.

use super::{Endpoint, bounded};
use futures::future::{BoxFuture, FutureExt as _};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, future::Future};

/// Why a question is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No role of this process answers it.
    #[error("this process does not answer {0}")]
    NotHere(String),
    /// It is not written as this release writes it.
    #[error("the question cannot be read: {0}")]
    Malformed(String),
    /// Whoever answers it is not there now.
    #[error("it cannot be answered now: {0}")]
    Unavailable(String),
}

type Answer = Box<dyn Fn(&[u8]) -> BoxFuture<'static, Result<Vec<u8>, Unanswered>> + Send + Sync>;

/// Hands questions to those who answer them.
#[derive(Default)]
pub struct Router(HashMap<&'static str, Answer>);

impl Router {
    /// Has a question answered.
    pub fn on<Q, A, F>(&mut self, endpoint: Endpoint<Q, A>, answer: impl Fn(Q) -> F + Send + Sync + 'static)
    where
        Q: DeserializeOwned,
        A: Serialize + Send,
        F: Future<Output = Result<A, Unanswered>> + Send + 'static,
    {
        let answer: Answer = Box::new(move |body| match serde_json::from_slice(body) {
            Ok(question) => {
                let answered = answer(question);
                async move {
                    let answer = answered.await?;
                    serde_json::to_vec(&answer).map_err(|error| malformed(&error))
                }
                .boxed()
            }
            Err(error) => std::future::ready(Err(malformed(&error))).boxed(),
        });
        let known = self.0.insert(endpoint.name(), answer);
        debug_assert!(known.is_none(), "{} has two answers", endpoint.name());
    }

    /// Answers a question that is written down.
    ///
    /// # Errors
    /// It is none of this process's, cannot be read, or nobody is there to answer it.
    pub async fn answer(&self, question: &str, body: &[u8]) -> Result<Vec<u8>, Unanswered> {
        let answer = self.0.get(question).ok_or_else(|| Unanswered::NotHere(bounded(question)))?;
        answer(body).await
    }
}

/// What cannot be read may be quoted by the error.
fn malformed(error: &serde_json::Error) -> Unanswered {
    Unanswered::Malformed(bounded(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: Endpoint<u32, u32> = Endpoint::new("test.double");

    #[test]
    fn a_question_is_answered_by_its_name_and_refused_where_it_cannot_be_read_or_is_not_known() {
        let mut router = Router::default();
        router.on(DOUBLE, |number| async move { Ok(2 * number) });
        let ask =
            |name: &str, body: &str| router.answer(name, body.as_bytes()).now_or_never().expect("an answer at once");
        assert_eq!(ask("test.double", "21"), Ok(b"42".to_vec()));
        assert!(matches!(ask("test.double", "\"x\""), Err(Unanswered::Malformed(_))));
        assert_eq!(ask("test.triple", "1"), Err(Unanswered::NotHere("test.triple".into())));
    }

    #[test]
    fn what_is_said_of_a_question_does_not_repeat_all_of_it() {
        let mut router = Router::default();
        router.on(DOUBLE, |number| async move { Ok(2 * number) });
        let long = "\n".repeat(10_000);
        for (name, body) in [(long.as_str(), "1"), ("test.double", &format!("{long:?}"))] {
            let refused = router.answer(name, body.as_bytes()).now_or_never().expect("an answer at once");
            let said = refused.expect_err("it is refused").to_string();
            assert!(said.chars().count() < 300 && !said.contains('\n'), "{said}");
        }
    }
}
