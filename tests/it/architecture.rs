//! Dependencies point one way: a room imports only from the rooms below it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each room with the rooms that it may import from. What is not listed here may import anything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("proto", &[]),
    ("providers", &["domain", "proto"]),
    ("clock", &["domain"]),
    ("lifecycle", &[]),
    ("release", &[]),
    ("role", &[]),
    ("credential", &[]),
    ("dialect", &["domain"]),
    ("store", &["domain", "role", "clock", "lifecycle", "release"]),
    ("audit", &["domain", "store", "role", "clock", "lifecycle"]),
    ("peers", &["domain", "store", "proto", "role"]),
    ("actors", &["domain", "store", "providers", "peers", "role", "clock", "lifecycle"]),
    ("service", &["domain", "store", "audit", "actors", "peers", "role", "clock", "lifecycle", "release"]),
    ("grpc", &["domain", "proto", "store", "peers", "role", "credential", "service", "lifecycle"]),
    (
        "http",
        &[
            "domain",
            "store",
            "actors",
            "peers",
            "role",
            "credential",
            "service",
            "audit",
            "dialect",
            "lifecycle",
            "telemetry",
        ],
    ),
    ("demo", &["domain", "store", "actors", "providers", "service", "lifecycle", "settings"]),
    ("exchange", &["domain", "store"]),
    ("load", &["domain", "role", "store", "audit", "clock", "lifecycle", "proto", "release"]),
    ("settings", &["domain", "providers", "role", "dialect"]),
    ("telemetry", &["settings"]),
];

/// Crates that the pure domain must never see.
const IMPURE: &[&str] =
    &["actix", "tokio", "rusqlite", "futures", "std::time::SystemTime", "std::time::Instant", "rand"];

fn sources(room: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![source.join(format!("{room}.rs"))];
    let mut open = vec![source.join(room)];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries {
            let path = entry.expect("the directory can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.is_file());
    assert!(!found.is_empty(), "no sources of {room}");
    found
}

/// The rooms that a source names behind `crate::`, also inside `use crate::{…}`.
fn imports(source: &str) -> Vec<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' | ':' if depth == 0 && !name.is_empty() => rooms.push(std::mem::take(&mut name)),
                    _ if depth == 0 && (character.is_alphanumeric() || character == '_') => name.push(character),
                    _ => {}
                }
            }
            rooms.push(name);
        } else {
            rooms.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms
}

#[test]
fn every_room_imports_only_from_the_rooms_below_it() {
    let rooms: Vec<&str> = MAY_IMPORT.iter().map(|(room, _)| *room).chain(["app"]).collect();
    for (room, allowed) in MAY_IMPORT {
        for path in sources(room) {
            let source = fs::read_to_string(&path).expect("the source can be read");
            for import in imports(&source) {
                let fine = import == *room || allowed.contains(&import.as_str()) || !rooms.contains(&import.as_str());
                assert!(fine, "{} imports {import}, which {room} may not", path.display());
            }
        }
    }
}

#[test]
fn the_domain_is_pure() {
    for path in sources("domain") {
        let source = fs::read_to_string(&path).expect("the source can be read");
        for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for impure in IMPURE {
                let named = line
                    .match_indices(&format!("{impure}::"))
                    .any(|(at, _)| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'));
                assert!(!named, "{} uses {impure}: {line}", path.display());
            }
        }
    }
}

#[test]
fn sql_is_written_in_the_store_alone() {
    for (room, _) in MAY_IMPORT.iter().filter(|(room, _)| *room != "store") {
        for path in sources(room) {
            let source = fs::read_to_string(&path).expect("the source can be read");
            for verb in ["SELECT ", "INSERT INTO", "DELETE FROM", "rusqlite::"] {
                assert!(!source.contains(verb), "{} has {verb}", path.display());
            }
        }
    }
}
