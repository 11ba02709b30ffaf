//! Where values come from: collects every layer, refuses keys that do not exist, and merges.
//!
//! Must not judge a value; that is done once, for the one that wins.

use super::{Notifications, Providers, SettingsError, value::Values};
use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

/// The lowest layer. One text is both the shipped file and the defaults, so they cannot disagree.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");
const PROFILE: &str = "BACKSTITCH_PROFILE";
/// With two underscores: a cluster may inject variables such as `BACKSTITCH_SERVICE_HOST` for a service
/// of our name, and those are none of ours.
const PREFIX: &str = "BACKSTITCH__";
const DEVELOPMENT: &str = "development";

/// What settings are read from. [`Sources::default`] is the built-in defaults alone. What has been read may hold
/// passwords: it cannot be printed.
#[derive(Clone, Default)]
pub struct Sources {
    directory: Option<PathBuf>,
    file: Option<PathBuf>,
    environment: BTreeMap<String, OsString>,
    overrides: Vec<(String, String)>,
}

impl Sources {
    /// The files in `./config` and these environment variables (of which only ours are kept).
    pub fn new<K, V>(environment: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let ours = environment.into_iter().filter_map(|(name, value)| {
            let name = name.into().to_string_lossy().into_owned();
            (name == PROFILE || name.starts_with(PREFIX)).then(|| (name, value.into()))
        });
        Self { directory: Some(PathBuf::from("config")), environment: ours.collect(), ..Self::default() }
    }

    /// Where `default.toml` and `{profile}.toml` are, if they are anywhere.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The file of `--config`, which must be there.
    #[must_use]
    pub fn file(mut self, file: Option<PathBuf>) -> Self {
        self.file = file;
        self
    }

    /// A flag's value for a key, over everything else.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.overrides.push((key.into(), value.into()));
        self
    }

    fn variable(&self, name: &str) -> Result<Option<&str>, SettingsError> {
        self.environment
            .get(name)
            .map(|value| value.to_str().ok_or_else(|| SettingsError::NotUnicode(name.to_owned())))
            .transpose()
    }

    fn profile(&self) -> Result<&str, SettingsError> {
        let profile = self.variable(PROFILE)?.unwrap_or(DEVELOPMENT);
        let fits_a_file_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if profile.is_empty() || !profile.bytes().all(fits_a_file_name) {
            return Err(SettingsError::Profile(profile.to_owned()));
        }
        Ok(profile)
    }
}

/// All layers as one: every key once, with the value that wins and where it came from.
pub(super) struct Merged {
    pub(super) profile: String,
    pub(super) files: Vec<PathBuf>,
    pub(super) values: Values,
    pub(super) providers: Providers,
    pub(super) notifications: Notifications,
}

pub(super) fn merge(sources: &Sources) -> Result<Merged, SettingsError> {
    let profile = sources.profile()?;
    let mut defaults = parse(DEFAULTS, "the built-in defaults")?;
    defaults.put("simulation.enabled".to_owned(), "the built-in defaults", profile == DEVELOPMENT);
    let known = Known(defaults.0.clone());

    let mut files = Vec::new();
    let mut builder = Config::builder().add_source(defaults);
    let optional = sources
        .directory
        .iter()
        .flat_map(|directory| ["default", profile].map(|name| (directory.join(format!("{name}.toml")), false)));
    for (path, required) in optional.chain(sources.file.iter().map(|path| (path.clone(), true))) {
        if let Some(layer) = read(&path, required)? {
            builder = builder.add_source(known.check(layer)?);
            files.push(path);
        }
    }
    let merged = builder
        .add_source(environment(sources, &known)?)
        .add_source(flags(sources, &known)?)
        .build()
        .map_err(|source| SettingsError::Merge(Box::new(source)))?;
    let [providers, notifications] = OPEN.map(|section| merged.get::<Value>(section).ok());
    let mut values = BTreeMap::new();
    flatten(String::new(), merged.cache, &mut values);
    let providers: Providers = whole(PROVIDERS, providers, &values)?;
    let notifications: Notifications = whole(NOTIFICATIONS, notifications, &values)?;
    values.retain(|key, _| !is_open(key));
    Ok(Merged { profile: profile.to_owned(), files, values: Values::new(values), providers, notifications })
}

/// One layer: dotted keys, each value with its origin.
#[derive(Clone, Debug, Default)]
struct Layer(BTreeMap<String, Value>);

impl Layer {
    fn put(&mut self, key: String, origin: &str, value: impl Into<ValueKind>) {
        self.0.insert(key, Value::new(Some(&origin.to_owned()), value));
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone().into_iter().collect())
    }
}

fn read(path: &Path, required: bool) -> Result<Option<Layer>, SettingsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, &path.display().to_string()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if required {
                Err(SettingsError::Missing(path.to_owned()))
            } else {
                Ok(None)
            }
        }
        Err(source) => Err(SettingsError::Unreadable { path: path.to_owned(), source }),
    }
}

fn parse(text: &str, origin: &str) -> Result<Layer, SettingsError> {
    let table = File::from_str(text, FileFormat::Toml)
        .collect()
        .map_err(|source| SettingsError::Syntax { file: origin.to_owned(), source: Box::new(source) })?;
    let mut flat = BTreeMap::new();
    flatten(String::new(), Value::new(None, table), &mut flat);
    let mut layer = Layer::default();
    for (key, value) in flat {
        layer.put(key, origin, value.kind);
    }
    Ok(layer)
}

/// Dotted keys for nested tables. An empty table stays, so that a misspelt section is noticed too.
fn flatten(key: String, value: Value, into: &mut BTreeMap<String, Value>) {
    match value.kind {
        ValueKind::Table(table) if key.is_empty() || !table.is_empty() => {
            for (name, child) in table {
                flatten(if key.is_empty() { name } else { format!("{key}.{name}") }, child, into);
            }
        }
        _ => {
            into.insert(key, value);
        }
    }
}

fn environment(sources: &Sources, known: &Known) -> Result<Layer, SettingsError> {
    let mut layer = Layer::default();
    for name in sources.environment.keys() {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let origin = format!("environment variable {name}");
        let key = rest.replace("__", ".").to_ascii_lowercase();
        let Some(text) = sources.variable(name)? else { continue };
        // One spelling per variable: of two that differ in case only, neither would win for a reason.
        if variable_of(&key) != *name {
            return Err(known.unknown(key, origin));
        }
        let value = known.typed(&key, text);
        layer.put(key, &origin, value);
    }
    known.check(layer)
}

fn flags(sources: &Sources, known: &Known) -> Result<Layer, SettingsError> {
    let mut layer = Layer::default();
    for (key, text) in &sources.overrides {
        layer.put(key.clone(), "the command line", known.typed(key, text));
    }
    known.check(layer)
}

/// The environment variable of a key.
fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// The sections whose keys have names that users choose, and which are read as a whole.
const OPEN: [&str; 2] = [PROVIDERS, NOTIFICATIONS];
const PROVIDERS: &str = "providers";
const NOTIFICATIONS: &str = "notifications";

/// Whether all of a key's names are such that it can be merged by them.
fn is_path(key: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    key.split('.').all(|name| !name.is_empty() && name.bytes().all(of_name))
}

/// Reads a section, if it is there. `values` has all keys, each with its origin.
fn whole<T: DeserializeOwned + Default>(
    name: &str,
    section: Option<Value>,
    values: &BTreeMap<String, Value>,
) -> Result<T, SettingsError> {
    let Some(section) = section else { return Ok(T::default()) };
    serde_path_to_error::deserialize(section).map_err(|error| {
        let key = format!("{name}.{}", error.path());
        // What is missing has no origin of its own: that of its neighbours says which file to look at.
        let near = values.range(key.clone()..).find(|(known, _)| known.starts_with(&key));
        let origin = near.and_then(|(_, value)| value.origin()).unwrap_or("nowhere").to_owned();
        let why = error.inner().to_string();
        let why = match why.split(" for key `").next().unwrap_or_default() {
            // It would be repeated, and may be a secret.
            wrong if wrong.starts_with("invalid type: ") => "has the wrong type".to_owned(),
            why => why.to_owned(),
        };
        SettingsError::Provider { key, origin, why }
    })
}

fn is_open(key: &str) -> bool {
    OPEN.contains(&key.split('.').next().unwrap_or_default())
}

/// The keys that exist, with their defaults.
struct Known(BTreeMap<String, Value>);

impl Known {
    fn check(&self, mut layer: Layer) -> Result<Layer, SettingsError> {
        // An empty section says nothing, and must not wipe the section out of the layers below.
        layer.0.retain(|key, value| !(matches!(value.kind, ValueKind::Table(_)) && self.section(key).next().is_some()));
        let stranger =
            |(key, value): &(&String, &Value)| !self.0.contains_key(*key) || matches!(value.kind, ValueKind::Table(_));
        let stranger = |entry: &(&String, &Value)| {
            if is_open(entry.0) { !is_path(entry.0) } else { stranger(entry) }
        };
        match layer.0.iter().find(stranger) {
            None => Ok(layer),
            Some((key, value)) => Err(self.unknown(key.clone(), value.origin().unwrap_or_default().to_owned())),
        }
    }

    fn unknown(&self, key: String, origin: String) -> SettingsError {
        let section = key.split('.').next().unwrap_or_default();
        let names: Vec<_> = self.section(section).collect();
        let hint = if is_open(section) {
            "its names are of A-Z a-z 0-9 _ and -".to_owned()
        } else if names.is_empty() {
            let mut sections: Vec<_> = self.0.keys().filter_map(|key| key.split('.').next()).collect();
            sections.dedup();
            format!("the sections are {}", sections.join(", "))
        } else if self.0.contains_key(&key) {
            format!("{key} takes a value, and its environment variable is {}", variable_of(&key))
        } else {
            format!("[{section}] has {}", names.join(", "))
        };
        SettingsError::Unknown { key, origin, hint }
    }

    fn section(&self, section: &str) -> impl Iterator<Item = &str> {
        let of_section = move |key: &'_ String| -> Option<usize> {
            key.strip_prefix(section)?.strip_prefix('.').map(|name| key.len() - name.len())
        };
        self.0.keys().filter_map(move |key| of_section(key).map(|start| &key[start..]))
    }

    /// A text from outside as what its key's default is. Text that does not fit stays text, to be
    /// refused where the message can say what is allowed.
    fn typed(&self, key: &str, text: &str) -> ValueKind {
        let typed = match self.0.get(key).map(|default| &default.kind) {
            Some(ValueKind::I64(_)) => text.parse().map(ValueKind::I64).ok(),
            Some(ValueKind::Boolean(_)) => text.parse().map(ValueKind::Boolean).ok(),
            _ => None,
        };
        typed.unwrap_or_else(|| ValueKind::String(text.to_owned()))
    }
}
