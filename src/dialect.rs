//! How clients of other systems speak: which fields they send, and in which words orders and payments are told to them.

use crate::domain::{order::OrderStatus, payment::PaymentStatus};
use strum::EnumString;

/// What becomes of fields of a request that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum UnknownFields {
    /// The request is refused: a misspelt field changes nothing in silence.
    #[default]
    Refuse,
    /// They are passed over, as the clients of other systems expect.
    Ignore,
}

/// The words in which orders and payments are told over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum Vocabulary {
    /// The product's own.
    #[default]
    Native,
    /// Those of a system of an order service and a payment service: orders are `pending`, `paid` or `failed`, and a
    /// payment that is paid is a `success`.
    OrderPayment,
}

/// What a payment that is paid is in the words of an order service and a payment service.
const SUCCESS: &str = "success";

impl Vocabulary {
    /// What an order's status is called.
    pub fn order(self, status: OrderStatus) -> &'static str {
        match (self, status) {
            // Nobody says there when goods are on their way: an order that is paid is paid until it is delivered.
            (Self::OrderPayment, OrderStatus::Completed) => OrderStatus::Paid.as_str(),
            (Self::OrderPayment, OrderStatus::Cancelled) => OrderStatus::Failed.as_str(),
            (_, status) => status.as_str(),
        }
    }

    /// What a payment's status is called.
    pub fn payment(self, status: PaymentStatus) -> &'static str {
        match (self, status) {
            (Self::OrderPayment, PaymentStatus::Paid) => SUCCESS,
            (Self::OrderPayment, PaymentStatus::Expired) => PaymentStatus::Failed.as_str(),
            (_, status) => status.as_str(),
        }
    }

    /// The statuses of orders that a word stands for; none where it is no word for one.
    pub fn orders(self, word: &str) -> Vec<OrderStatus> {
        const ALL: [OrderStatus; 5] = [
            OrderStatus::Pending,
            OrderStatus::Paid,
            OrderStatus::Completed,
            OrderStatus::Failed,
            OrderStatus::Cancelled,
        ];
        ALL.into_iter().filter(|status| self.order(*status) == word).collect()
    }

    /// The statuses of payments that a word stands for; none where it is no word for one.
    pub fn payments(self, word: &str) -> Vec<PaymentStatus> {
        const ALL: [PaymentStatus; 6] = [
            PaymentStatus::Pending,
            PaymentStatus::Paid,
            PaymentStatus::Failed,
            PaymentStatus::Expired,
            PaymentStatus::Refunding,
            PaymentStatus::Refunded,
        ];
        ALL.into_iter().filter(|status| self.payment(*status) == word).collect()
    }

    /// The words for orders' statuses.
    pub const fn order_words(self) -> &'static str {
        match self {
            Self::Native => "pending, paid, completed, failed or cancelled",
            Self::OrderPayment => "pending, paid or failed",
        }
    }

    /// The words for payments' statuses.
    pub const fn payment_words(self) -> &'static str {
        match self {
            Self::Native => "pending, paid, failed, expired, refunding or refunded",
            Self::OrderPayment => "pending, success, failed, refunding or refunded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_found_by_the_word_that_it_is_told_by() {
        for vocabulary in [Vocabulary::Native, Vocabulary::OrderPayment] {
            for word in vocabulary.order_words().split([',', ' ']).filter(|word| !word.is_empty() && *word != "or") {
                let found = vocabulary.orders(word);
                assert!(!found.is_empty() && found.iter().all(|status| vocabulary.order(*status) == word), "{word}");
            }
            for word in vocabulary.payment_words().split([',', ' ']).filter(|word| !word.is_empty() && *word != "or") {
                let found = vocabulary.payments(word);
                assert!(!found.is_empty() && found.iter().all(|status| vocabulary.payment(*status) == word), "{word}");
            }
        }
        assert_eq!(Vocabulary::Native.payments("success"), []);
        assert_eq!(Vocabulary::OrderPayment.payments("paid"), []);
        assert_eq!(Vocabulary::OrderPayment.orders("paid"), [OrderStatus::Paid, OrderStatus::Completed]);
    }
}
