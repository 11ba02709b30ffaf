//! Bringing a database file up to this release.

use super::{OpenError, connect};
use crate::role::Roles;
use crate::store::owner;
use rusqlite::Connection;
use std::path::Path;

mod migrations {
    pub(super) mod order {
        refinery::embed_migrations!("migrations/sqlite/order");
    }
    pub(super) mod payment {
        refinery::embed_migrations!("migrations/sqlite/payment");
    }
    pub(super) mod shipment {
        refinery::embed_migrations!("migrations/sqlite/shipment");
    }
    pub(super) mod saga {
        refinery::embed_migrations!("migrations/sqlite/saga");
    }
    pub(super) mod catalog {
        refinery::embed_migrations!("migrations/sqlite/catalog");
    }
    pub(super) mod stock {
        refinery::embed_migrations!("migrations/sqlite/stock");
    }
}

/// Brings these owners' tables of a database file up to this release; the names of the migrations that were applied.
///
/// Every owner has a history of its own, so that a process of few roles has few tables.
///
/// # Errors
/// When the file cannot be opened or has others' tables, or a migration fails.
pub fn migrate(path: &Path, owners: Roles) -> Result<Vec<String>, OpenError> {
    let mut conn = connect(path, 2)?;
    owners.check_no_others_in(found_in(&conn, path)?, path.display())?;
    let histories = [
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
        runner.set_migration_table_name(history);
        let report = runner
            .set_abort_divergent(true)
            .set_abort_missing(true)
            .run(&mut conn)
            .map_err(|source| OpenError::Migrate { path: path.to_owned(), source: Box::new(source) })?;
        let owner = history.trim_end_matches("_migrations");
        applied.extend(report.applied_migrations().iter().map(|migration| format!("{owner} {migration}")));
    }
    Ok(applied)
}

/// Whose tables are in a database file.
pub(super) fn owners(conn: &Connection) -> rusqlite::Result<Roles> {
    let mut histories =
        conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '*_migrations'")?;
    let names = histories.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(owner::of_histories(names.iter().map(String::as_str)))
}

/// As [`owners`], while the file is opened.
pub(super) fn found_in(conn: &Connection, path: &Path) -> Result<Roles, OpenError> {
    owners(conn).map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })
}
