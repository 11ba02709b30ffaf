//! What only PostgreSQL has: a server that must be reached, and that may refuse. These tests run whichever backend
//! the others run on.

mod anywhere;
mod certificates;
mod lost;
mod nodes;
mod notifications;
mod recent;
mod refusals;
mod restart;
mod schemas;

use crate::support::{Cluster, Server, database};
use backstitch::store;

/// A URL of the tests' server with other parts.
struct Url {
    user: String,
    password: String,
    host: String,
    database: String,
    parameters: String,
}

impl Url {
    /// Of a database of the process's own server, whatever other server the tests run on.
    fn own() -> Self {
        let port = Cluster::shared().lock().expect("a server").port();
        let [user, password] = Cluster::OWNER.map(str::to_owned);
        let host = format!("localhost:{port}");
        Self { user, password, host, database: "postgres".into(), parameters: "sslmode=disable".into() }
    }

    fn text(&self) -> String {
        let Self { user, password, host, database, parameters } = self;
        format!("postgres://{user}:{password}@{host}/{database}?{parameters}")
    }

    /// Brings the database up to date, as a server does first of all.
    fn migrate(&self) -> Result<Vec<String>, store::OpenError> {
        store::migrate(&database(&self.text(), &[]))
    }

    /// Why it cannot be opened; never with the password.
    #[track_caller]
    fn refused(&self) -> String {
        let error = self.migrate().expect_err("this is refused");
        for printed in [error.to_string(), format!("{error:?}")] {
            assert!(!printed.contains(&self.password), "{printed}");
        }
        error.to_string()
    }
}

/// A role of the server's own, made by `CREATE ROLE … {options}`, and the URL under which it asks a database of its own.
fn role(options: &str) -> (Url, crate::support::Database) {
    let server = Server::own();
    let database = server.empty();
    let role = format!("{}_role", database.name);
    server.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hunter2' {options}"));
    (Url { user: role, password: "hunter2".into(), database: database.name.clone(), ..Url::own() }, database)
}
