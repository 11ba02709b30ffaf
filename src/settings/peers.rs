//! `[peers]`: the processes that play the roles that this one does not.

use super::{Grpc, Secret, SettingsError, value::Values};
use crate::role::{Role, Roles};
use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, time::Duration};

/// `[peers]`: where the other roles are, and how the processes of an installation know each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    /// Where each role is that this process asks something of: `http://host:port` or, with certificates,
    /// `https://host:port`, of its gRPC port (`order`, `stock`, `payment`, `shipping`, `coordinator`). Default: none.
    pub urls: BTreeMap<Role, String>,
    /// What the processes of the installation share, so that they take each other's word (`secret`). Default: none.
    pub secret: Option<Secret>,
    /// The certificates by which they know each other. Default: none.
    pub certificates: Option<Certificates>,
    /// How long an answer may take (`timeout_ms`). Default 5 s.
    pub timeout: Duration,
}

/// Files with certificates, each PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// Whose certificates are believed (`authority`).
    pub authority: PathBuf,
    /// This process's certificate (`certificate`), for its host's name and as a client's.
    pub certificate: PathBuf,
    /// Its private key (`key`).
    pub key: PathBuf,
}

/// The key of each role's address.
const fn key_of(role: Role) -> &'static str {
    match role {
        Role::Order => "peers.order",
        Role::Stock => "peers.stock",
        Role::Payment => "peers.payment",
        Role::Shipping => "peers.shipping",
        Role::Coordinator => "peers.coordinator",
    }
}

impl Peers {
    /// Those that these roles need.
    pub(super) fn read(values: &mut Values, roles: Roles, grpc: &Grpc) -> Result<Self, SettingsError> {
        let mut urls = BTreeMap::new();
        for role in [Role::Order, Role::Stock, Role::Payment, Role::Shipping, Role::Coordinator] {
            let url = values.parsed(key_of(role), |url| match url {
                "" => Ok(None),
                url => parse(url).map(Some),
            })?;
            if let Some(url) = url {
                urls.insert(role, url);
            }
        }
        let path =
            |values: &mut Values, key| values.parsed(key, |path| Ok((!path.is_empty()).then(|| PathBuf::from(path))));
        let files = (path(values, "peers.authority")?, path(values, "peers.certificate")?, path(values, "peers.key")?);
        let peers = Self {
            urls,
            secret: values.secret("peers.secret")?,
            certificates: match files {
                (None, None, None) => None,
                (Some(authority), Some(certificate), Some(key)) => Some(Certificates { authority, certificate, key }),
                _ => {
                    let why = "peers.authority, peers.certificate and peers.key are given together, or none of them";
                    return Err(SettingsError::Peers(why.into()));
                }
            },
            timeout: values.millis("peers.timeout_ms", 100, 60_000)?,
        };
        peers.check(roles, grpc)?;
        Ok(peers)
    }

    /// What these roles need is there, and nobody has to be believed who cannot be known.
    fn check(&self, roles: Roles, grpc: &Grpc) -> Result<(), SettingsError> {
        if roles.are_all() {
            return Ok(());
        }
        let refuse = |why: String| Err(SettingsError::Peers(why));
        for role in roles.peers() {
            let Some(url) = self.urls.get(&role) else {
                return refuse(format!(
                    "{key} is not set: a process of the roles {roles} asks the {role}; set it to where that serves gRPC, \
                     such as http://127.0.0.1:50051",
                    key = key_of(role),
                ));
            };
            let encrypted = url.starts_with("https:");
            if encrypted != self.certificates.is_some() {
                return refuse(format!(
                    "{key} is {url}: must be {scheme}://, as {certificates} given in peers.authority, .certificate and .key",
                    key = key_of(role),
                    scheme = if encrypted { "http" } else { "https" },
                    certificates = if encrypted { "no certificates are" } else { "certificates are" },
                ));
            }
        }
        let mut is_local = roles.peers().filter_map(|role| self.urls.get(&role)).all(|url| is_loopback(url));
        for role in roles.iter() {
            let Some(bind) = grpc.bind_of(role) else {
                return refuse(format!(
                    "{} is empty: a process of the role {role} alone is asked there",
                    Grpc::bind_key(role)
                ));
            };
            is_local &= bind.ip().is_loopback();
        }
        if !is_local && self.secret.is_none() && self.certificates.is_none() {
            return refuse(
                "peers.secret is empty: processes that are not all on loopback addresses share a secret (give it as \
                 BACKSTITCH__PEERS__SECRET), or know each other by certificates (peers.authority, .certificate and .key)"
                    .into(),
            );
        }
        Ok(())
    }
}

fn parse(url: &str) -> Result<String, &'static str> {
    const ALLOWED: &str = "http://host:port, or https://host:port with certificates; \"\" for none";
    let (scheme, rest) = url.split_once("://").ok_or(ALLOWED)?;
    let (host, port) = rest.rsplit_once(':').ok_or(ALLOWED)?;
    let is_host = !host.is_empty() && !host.contains(['/', '@', '?', '#']) && host.is_ascii();
    let is_address = ["http", "https"].contains(&scheme) && is_host && port.parse::<u16>().is_ok_and(|port| port > 0);
    if is_address { Ok(url.to_owned()) } else { Err(ALLOWED) }
}

/// Whether an address is on this machine, to anybody who reads it.
fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once(':')).map_or("", |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
