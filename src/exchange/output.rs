//! Where an export goes: a file that appears once it is whole, or standard output.

use super::{ExchangeError, Export, bar, cells, rows::Column};
use crate::store::{StoreError, Visit};
use indicatif::ProgressBar;
use std::{
    fs::Permissions,
    io::{self, Write},
    ops::ControlFlow,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tempfile::NamedTempFile;

/// An export under way.
pub(super) struct Output {
    path: PathBuf,
    /// Shared with the visitor, which writes on a thread of the store's.
    sink: Arc<Mutex<Option<Sink>>>,
    bar: ProgressBar,
    /// Whether what a spreadsheet would run is marked.
    protect: bool,
    /// Whether a file that is there is written over.
    force: bool,
}

struct Sink {
    writer: csv::Writer<Target>,
    rows: u64,
    failed: Option<io::Error>,
}

enum Target {
    /// Beside the file that it becomes.
    File(NamedTempFile),
    Stdout(io::Stdout),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

fn lock(sink: &Mutex<Option<Sink>>) -> MutexGuard<'_, Option<Sink>> {
    sink.lock().unwrap_or_else(PoisonError::into_inner)
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A file that is there stays as it is, unless it is asked for; what is no file always does.
fn refuse_to_harm(file: &Path, force: bool) -> Result<(), ExchangeError> {
    match file.symlink_metadata() {
        Ok(about) if !about.is_file() && !about.is_symlink() => Err(ExchangeError::NoFile(file.to_owned())),
        Ok(_) if !force => Err(ExchangeError::Exists(file.to_owned())),
        _ => Ok(()),
    }
}

impl Output {
    /// Begins with the header. Standard output when there is no file.
    pub(super) fn open(file: Option<&Path>, export: &Export, columns: &[Column]) -> Result<Self, ExchangeError> {
        let path = file.unwrap_or(Path::new("standard output")).to_owned();
        let failed = |source| ExchangeError::Write { path: path.clone(), source };
        let (target, bar) = match file {
            Some(file) => {
                refuse_to_harm(file, export.force)?;
                let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
                // It says what is sold for how much, and how much there is: its owner's alone.
                let made = tempfile::Builder::new()
                    .permissions(Permissions::from_mode(0o600))
                    .tempfile_in(directory.unwrap_or(Path::new(".")));
                let spinner = bar(ProgressBar::new_spinner(), "{spinner} {human_pos} rows");
                (Target::File(made.map_err(failed)?), spinner)
            }
            None => (Target::Stdout(io::stdout()), ProgressBar::hidden()),
        };
        let mut writer = csv::Writer::from_writer(target);
        writer
            .write_record(columns.iter().filter(|column| column.is_exported).map(|column| column.name))
            .map_err(|error| failed(io_error(error)))?;
        let sink = Arc::new(Mutex::new(Some(Sink { writer, rows: 0, failed: None })));
        Ok(Self { path, sink, bar, protect: export.protect, force: export.force })
    }

    /// Writes each row that it is given, until that fails.
    pub(super) fn visitor<T: 'static>(&self, cells: fn(&T) -> Vec<String>) -> Visit<T> {
        let (sink, bar, protect) = (Arc::clone(&self.sink), self.bar.clone(), self.protect);
        Box::new(move |row| {
            let mut sink = lock(&sink);
            let Some(sink) = sink.as_mut() else { return ControlFlow::Break(()) };
            if let Err(error) =
                sink.writer.write_record(cells(&row).into_iter().map(|cell| cells::protect(cell, protect)))
            {
                sink.failed = Some(io_error(error));
                return ControlFlow::Break(());
            }
            sink.rows += 1;
            bar.set_position(sink.rows);
            ControlFlow::Continue(())
        })
    }

    /// Ends the export: the file is there from now on. How many rows it has.
    pub(super) fn finish(self, visited: Result<(), StoreError>) -> Result<u64, ExchangeError> {
        self.bar.finish_and_clear();
        visited?;
        let Some(Sink { writer, rows, failed }) = lock(&self.sink).take() else { return Ok(0) };
        let written = match failed {
            Some(error) => Err(error),
            None => writer.into_inner().map_err(csv::IntoInnerError::into_error).and_then(|mut target| {
                target.flush()?;
                match target {
                    Target::File(file) if self.force => file.persist(&self.path).map(drop).map_err(|error| error.error),
                    // Refused where somebody has made such a file meanwhile.
                    Target::File(file) => file.persist_noclobber(&self.path).map(drop).map_err(|error| error.error),
                    Target::Stdout(_) => Ok(()),
                }
            }),
        };
        match written {
            Ok(()) => Ok(rows),
            // Whoever reads has seen enough, such as `head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(rows),
            Err(source) => Err(ExchangeError::Write { path: self.path, source }),
        }
    }
}
