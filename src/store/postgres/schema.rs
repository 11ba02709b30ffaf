//! Bringing a PostgreSQL database up to this release.

use super::{OpenError, connect::Address};
use crate::role::Roles;
use crate::store::owner;
use tokio_postgres::{Client, GenericClient};

/// The advisory lock of whoever migrates: two nodes that start together take turns. Any number, the same in
/// every release.
const LOCK: i64 = 0x6261_636b_7374_6368;

/// Where tables are made. A search path may lead on to others', which are not this process's.
const SCHEMA: &str = "SELECT current_schema()::text, current_setting('search_path')";
/// Tables that say which migrations there were.
const HISTORIES: &str = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() \
                         AND tablename LIKE '%\\_migrations'";
/// Whether a move to this database has not come to its end.
pub(super) const UNFINISHED: &str = "SELECT to_regclass(format('%I.move_progress', current_schema())) IS NOT NULL";

mod migrations {
    pub(super) mod node {
        refinery::embed_migrations!("migrations/postgres/node");
    }
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

/// Brings these owners' tables of a database up to this release, and what every process needs; the names of the
/// migrations that were applied.
///
/// Every owner has a history of its own, so that a process of few roles has few tables. The connection is one of
/// its own: a migration takes as long as it takes, so that no statement on it is timed out from here on.
///
/// # Errors
/// When there is no schema for the tables, others' are there or a newer release has been, or a migration fails.
pub(super) async fn migrate(client: &mut Client, address: &Address, owners: Roles) -> Result<Vec<String>, OpenError> {
    let failed = |error| OpenError::new(address, error);
    // That something is there already is no news.
    let settings = "SET statement_timeout = 0; SET client_min_messages = warning";
    client.batch_execute(settings).await.map_err(failed)?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed)?;
    let applied = run(client, address, owners).await;
    // A connection that is lost gives its locks up by itself.
    let unlocked = client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
    let applied = applied?;
    unlocked.map_err(failed)?;
    Ok(applied)
}

/// Sees to it that tables are there, with everything in them; whose they are.
///
/// # Errors
/// When there are none, or a move to them is not finished.
pub(super) async fn found(client: &Client, address: &Address) -> Result<Roles, OpenError> {
    let failed = |error| OpenError::new(address, error);
    let place = || address.to_string();
    see_to_schema(client, address).await?;
    let found = owners(client).await.map_err(failed)?;
    if found.is_empty() {
        return Err(OpenError::Empty { place: place() });
    }
    let unfinished: bool = client.query_one(UNFINISHED, &[]).await.and_then(|row| row.try_get(0)).map_err(failed)?;
    if unfinished { Err(OpenError::Unfinished { place: place() }) } else { Ok(found) }
}

/// Whose tables are in a database, or in the schema of it that is this process's.
pub(super) async fn owners(client: &impl GenericClient) -> Result<Roles, tokio_postgres::Error> {
    let rows = client.query(HISTORIES, &[]).await?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
    Ok(owner::of_histories(names))
}

async fn see_to_schema(client: &Client, address: &Address) -> Result<(), OpenError> {
    let asked = async {
        let row = client.query_one(SCHEMA, &[]).await?;
        Ok((row.try_get::<_, Option<String>>(0)?, row.try_get(1)?))
    };
    match asked.await.map_err(|error| OpenError::new(address, error))? {
        (Some(_), _) => Ok(()),
        (None, search_path) => Err(OpenError::NoSchema { place: address.to_string(), search_path }),
    }
}

async fn run(client: &mut Client, address: &Address, owners: Roles) -> Result<Vec<String>, OpenError> {
    see_to_schema(client, address).await?;
    let found = self::owners(client).await.map_err(|error| OpenError::new(address, error))?;
    owners.check_no_others_in(found, address)?;
    let histories = [
        ("node_migrations", migrations::node::migrations::runner()),
        ("order_migrations", migrations::order::migrations::runner()),
        ("payment_migrations", migrations::payment::migrations::runner()),
        ("shipment_migrations", migrations::shipment::migrations::runner()),
        ("saga_migrations", migrations::saga::migrations::runner()),
        ("catalog_migrations", migrations::catalog::migrations::runner()),
        ("stock_migrations", migrations::stock::migrations::runner()),
    ];
    let wanted = |history: &str| owner::of_history(history).is_none_or(|owner| owners.contains(owner));
    let mut applied = Vec::new();
    for (history, mut runner) in histories.into_iter().filter(|(history, _)| wanted(history)) {
        let owner = history.trim_end_matches("_migrations");
        runner.set_migration_table_name(history);
        let run = runner.set_abort_divergent(true).set_abort_missing(true).run_async(client).await;
        let report = run.map_err(|error| OpenError::migrating(address, error))?;
        applied.extend(report.applied_migrations().iter().map(|migration| format!("{owner} {migration}")));
    }
    Ok(applied)
}
