//! Bringing a PostgreSQL database up to this release.

use super::{OpenError, connect::Address};
use tokio_postgres::Client;

/// The advisory lock of whoever migrates: two nodes that start together take turns. Any number, the same in
/// every release.
const LOCK: i64 = 0x6261_636b_7374_6368;

/// Whether a move to this database has not come to its end.
pub(super) const UNFINISHED: &str = "SELECT to_regclass('move_progress') IS NOT NULL";

mod migrations {
    pub(super) mod order {
        refinery::embed_migrations!("migrations/postgres/order");
    }
    pub(super) mod payment {
        refinery::embed_migrations!("migrations/postgres/payment");
    }
    pub(super) mod shipment {
        refinery::embed_migrations!("migrations/postgres/shipment");
    }
    pub(super) mod saga {
        refinery::embed_migrations!("migrations/postgres/saga");
    }
    pub(super) mod catalog {
        refinery::embed_migrations!("migrations/postgres/catalog");
    }
    pub(super) mod stock {
        refinery::embed_migrations!("migrations/postgres/stock");
    }
}

/// Brings a database up to this release; the names of the migrations that were applied.
///
/// Every owner has a history of its own, so that a process of few roles has few tables. The connection is one of
/// its own: a migration takes as long as it takes, so that no statement on it is timed out from here on.
///
/// # Errors
/// When a newer release has been here, or a migration fails.
pub(super) async fn migrate(client: &mut Client, address: &Address) -> Result<Vec<String>, OpenError> {
    let failed = |error| OpenError::new(address, error);
    // That something is there already is no news.
    let settings = "SET statement_timeout = 0; SET client_min_messages = warning";
    client.batch_execute(settings).await.map_err(failed)?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed)?;
    let applied = run(client).await;
    // A connection that is lost gives its locks up by itself.
    let unlocked = client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
    let applied = applied.map_err(|error| OpenError::migrating(address, error))?;
    unlocked.map_err(failed)?;
    Ok(applied)
}

/// Sees to it that this release's tables are there, with everything in them.
///
/// # Errors
/// When they are not, or a move to them is not finished.
pub(super) async fn is_there(client: &Client, address: &Address) -> Result<(), OpenError> {
    let ask = async |sql: &str| -> Result<bool, OpenError> {
        let answer = client.query_one(sql, &[]).await.and_then(|row| row.try_get(0));
        answer.map_err(|error| OpenError::new(address, error))
    };
    let place = || address.to_string();
    if !ask("SELECT to_regclass('saga_saga') IS NOT NULL").await? {
        return Err(OpenError::Empty { place: place() });
    }
    if ask(UNFINISHED).await? { Err(OpenError::Unfinished { place: place() }) } else { Ok(()) }
}

async fn run(client: &mut Client) -> Result<Vec<String>, refinery::Error> {
    let owners = [
        ("order_migrations", migrations::order::migrations::runner()),
        ("payment_migrations", migrations::payment::migrations::runner()),
        ("shipment_migrations", migrations::shipment::migrations::runner()),
        ("saga_migrations", migrations::saga::migrations::runner()),
        ("catalog_migrations", migrations::catalog::migrations::runner()),
        ("stock_migrations", migrations::stock::migrations::runner()),
    ];
    let mut applied = Vec::new();
    for (history, mut runner) in owners {
        let owner = history.trim_end_matches("_migrations");
        runner.set_migration_table_name(history);
        let report = runner.set_abort_divergent(true).set_abort_missing(true).run_async(client).await?;
        applied.extend(report.applied_migrations().iter().map(|migration| format!("{owner} {migration}")));
    }
    Ok(applied)
}
