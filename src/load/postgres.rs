//! A PostgreSQL of one's own: started from the programs of this machine, and gone when this process is, however that
//! ends.
//!
//! ```text
//!   this process ── orders, on a pipe ──▶ sh ── initdb, pg_ctl ──▶ postgres
//!                     its end, too: stop at once, remove everything
//! ```
//!
//! It listens on 127.0.0.1 alone, and is for trying and testing: it must not hold what anybody wants to keep.

use std::{
    fs::{self, Permissions},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The oldest server that will do.
const OLDEST: u32 = 15;
/// Who everything belongs to.
const ROLE: &str = "backstitch";
/// The database that is there from the beginning.
const FIRST: &str = "postgres";
/// Below what the kernel gives out to those who ask for any port.
const PORTS: std::ops::Range<u16> = 10_240..32_768;
/// Ports that are tried.
const TRIES: usize = 20;
/// What starts and stops the server, as the user who may, for as long as anybody can tell it to.
const KEEPER: &str = r#"
    control() { "$BIN/pg_ctl" -D "$HERE/data" -s -w "$@" >>"$HERE/control.log" 2>&1; }
    keep=
    while read -r order; do
        case $order in
        init) "$BIN/initdb" -D "$HERE/data" -U "$ROLE" --pwfile="$HERE/password" --auth=scram-sha-256 \
            --no-locale --encoding=UTF8 --no-sync >>"$HERE/control.log" 2>&1 ;;
        start) control -l "$HERE/server.log" start ;;
        stop) control -m immediate stop ;;
        keep) keep=1 ;;
        esac
        echo "$?"
    done
    control -m immediate stop
    [ "$keep" ] || rm -rf "$HERE"
"#;

/// Why there is no PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The machine has none, or an old one.
    #[error(
        "this needs the programs of PostgreSQL {OLDEST} or newer (initdb, pg_ctl, postgres) on this machine: install \
         them (Debian: apt-get install postgresql)"
    )]
    NotInstalled,
    /// It does not run as root, and there is nobody else.
    #[error("PostgreSQL does not run as root, and this machine has no user postgres or nobody that it could run as")]
    Nobody,
    /// Its files cannot be written, or its programs cannot be run there.
    #[error(
        "cannot run PostgreSQL in {} (its user must be able to get there; TMPDIR names another place)",
        .0.display()
    )]
    Directory(PathBuf, #[source] io::Error),
    /// It cannot be looked after any more.
    #[error("PostgreSQL cannot be looked after")]
    Keeper(#[source] io::Error),
    /// It does not do what it must.
    #[error("PostgreSQL does not {order}:\n{log}")]
    Refused {
        /// What.
        order: &'static str,
        /// What it says.
        log: String,
    },
}

/// What is special about a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup<'a> {
    /// Its owner's password; a random one when left out.
    pub password: Option<&'a str>,
    /// Lines of its configuration. It is run in a directory `data` beside [`Self::files`].
    pub settings: &'a str,
    /// Names and contents of files that it needs, which nobody else may read.
    pub files: &'a [(&'a str, &'a str)],
}

/// A server. It ends, and its data is removed, when this is dropped or the process ends.
#[derive(Debug)]
pub struct Postgres {
    orders: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
    keeper: Child,
    directory: PathBuf,
    password: String,
    port: u16,
    is_kept: bool,
}

impl Postgres {
    /// Starts a new server with nothing in it. Blocks for a second or two.
    ///
    /// # Errors
    /// When this machine has no PostgreSQL, or it does not start.
    pub fn start(setup: Setup<'_>) -> Result<Self, PostgresError> {
        let bin = binaries().ok_or(PostgresError::NotInstalled)?;
        let directory = tempfile::Builder::new().prefix("backstitch-postgres-").tempdir();
        let directory = directory.map_err(|source| PostgresError::Directory(std::env::temp_dir(), source))?;
        // It refuses to run as root.
        let is_root = fs::metadata(directory.path()).is_ok_and(|directory| directory.uid() == 0);
        let owner = if is_root { Some(unprivileged().ok_or(PostgresError::Nobody)?) } else { None };
        let password = setup.password.map_or_else(random_password, |given| Ok(given.to_owned()));
        let prepared = password.and_then(|password| {
            prepare(directory.path(), &password, setup.files, owner)?;
            Ok((password, keeper(&bin, directory.path(), owner)?))
        });
        let (password, mut keeper) =
            prepared.map_err(|source| PostgresError::Directory(directory.path().to_owned(), source))?;
        let (Some(orders), Some(done)) = (keeper.stdin.take(), keeper.stdout.take()) else {
            return Err(PostgresError::Keeper(io::ErrorKind::BrokenPipe.into()));
        };
        let (orders, done) = (Some(orders), BufReader::new(done));
        let mut server = Self { orders, done, keeper, directory: directory.keep(), password, port: 0, is_kept: false };
        server.must("init")?;
        for _ in 0..TRIES {
            server.port = fastrand::u16(PORTS);
            server.configure(setup.settings)?;
            if server.order("start")? {
                return Ok(server);
            }
        }
        Err(server.refused("start"))
    }

    /// Ends it as `pg_ctl stop -m immediate` does: at once, for it to recover when it is started again.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn kill(&mut self) -> Result<(), PostgresError> {
        self.must("stop")
    }

    /// Starts it again, after [`Self::kill`], on the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<(), PostgresError> {
        self.must("start")
    }

    /// Has its files left where they are when it ends: where that is.
    ///
    /// # Errors
    /// When nobody looks after it.
    pub fn keep(&mut self) -> Result<&Path, PostgresError> {
        self.must("keep")?;
        self.is_kept = true;
        Ok(&self.directory)
    }

    /// Where it listens, on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The role that owns it.
    pub const fn role() -> &'static str {
        ROLE
    }

    /// The database that is there from the beginning.
    pub const fn first_database(&self) -> &'static str {
        FIRST
    }

    /// The URL of the database that is there from the beginning.
    pub fn first(&self) -> String {
        self.url(FIRST)
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let password = in_url(&self.password);
        format!("postgres://{ROLE}:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    fn configure(&self, special: &str) -> Result<(), PostgresError> {
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 300\n\
             logging_collector = off\n{special}\n",
            self.port
        );
        let path = self.directory.join("data/postgresql.auto.conf");
        fs::write(&path, settings).map_err(|source| PostgresError::Directory(path, source))
    }

    /// Whether it could be done.
    fn order(&mut self, order: &str) -> Result<bool, PostgresError> {
        let asked = self.orders.as_mut().map_or(Ok(()), |orders| writeln!(orders, "{order}"));
        let mut code = String::new();
        asked.and_then(|()| self.done.read_line(&mut code)).map_err(PostgresError::Keeper)?;
        Ok(code.trim() == "0")
    }

    fn must(&mut self, order: &'static str) -> Result<(), PostgresError> {
        if self.order(order)? { Ok(()) } else { Err(self.refused(order)) }
    }

    fn refused(&self, order: &'static str) -> PostgresError {
        let said = ["control.log", "server.log"].map(|log| fs::read_to_string(self.directory.join(log)));
        PostgresError::Refused { order, log: said.map(Result::unwrap_or_default).concat() }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.keeper.wait();
        if !self.is_kept {
            // Its user may empty it, and not everywhere remove it.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Puts the files in place.
fn prepare(directory: &Path, password: &str, files: &[(&str, &str)], owner: Option<(u32, u32)>) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    for (name, text) in files.iter().copied().chain([("password", password)]) {
        let path = directory.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        give(&path, owner)?;
    }
    give(directory, owner)
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    owner.map_or(Ok(()), |(user, group)| chown(path, Some(user), Some(group)))
}

fn keeper(bin: &Path, directory: &Path, owner: Option<(u32, u32)>) -> io::Result<Child> {
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    keeper.env("BIN", bin).env("HERE", directory).env("ROLE", ROLE).env("LC_ALL", "C").current_dir(directory);
    // Ctrl-C reaches a whole group, and this one has to clean up.
    keeper.process_group(0);
    if let Some((user, group)) = owner {
        keeper.uid(user).gid(group);
    }
    keeper.spawn()
}

/// One that nobody can guess: whoever owns a PostgreSQL can run programs as its user.
fn random_password() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// As it is written in a URL.
fn in_url(text: &str) -> String {
    let written = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(written).collect()
}

/// The newest PostgreSQL of this machine, the one in PATH first.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&path).find(|directory| version(directory) >= Some(OLDEST)) {
        return Some(found);
    }
    let children = |parent: &str| fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    let installed = children("/usr/lib/postgresql")
        .chain(children("/usr").filter(|path| path.to_string_lossy().contains("/pgsql-")))
        .chain(children("/opt/homebrew/opt").filter(|path| path.to_string_lossy().contains("/postgresql@")));
    let newest = installed.map(|path| path.join("bin")).max_by_key(|path| version(path));
    newest.filter(|path| version(path) >= Some(OLDEST))
}

/// Which PostgreSQL's programs a directory has, if it has those of one.
fn version(directory: &Path) -> Option<u32> {
    if !["initdb", "pg_ctl"].iter().all(|program| directory.join(program).is_file()) {
        return None;
    }
    let said = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    said.split(' ').nth(2)?.split(['.', '\n']).next()?.parse().ok()
}

/// The user and group that it runs as where this process is root's.
fn unprivileged() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let fields: Vec<_> = users.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_written_in_a_url_as_urls_allow() {
        assert_eq!(in_url("p@ss/w?rd7"), "p%40ss%2Fw%3Frd7");
    }

    #[test]
    fn no_two_servers_have_the_same_password() {
        assert_ne!(random_password().unwrap(), random_password().unwrap());
    }
}
