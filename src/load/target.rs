//! Where a server is found.

use hyper::{Uri, header::HeaderValue};
use std::net::{SocketAddr, ToSocketAddrs};

/// A server's address, looked up once.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to connect.
    pub(super) address: SocketAddr,
    /// What to say in the `Host` header.
    pub(super) host: HeaderValue,
}

impl Target {
    /// Takes `http://HOST[:PORT]` apart and looks the host up.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        const ALLOWED: &str = "must be http://HOST[:PORT], without a path";
        let uri: Uri = url.parse().map_err(|_| ALLOWED)?;
        let bare = matches!(uri.path_and_query().map(hyper::http::uri::PathAndQuery::as_str), None | Some("" | "/"));
        let (Some("http"), Some(authority), true) = (uri.scheme_str(), uri.authority(), bare) else {
            return Err(ALLOWED.to_owned());
        };
        let port = authority.port_u16().unwrap_or(80);
        // An IPv6 address stands in brackets in a URL and without them everywhere else.
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let found = (name, port).to_socket_addrs().map_err(|error| format!("cannot find {name}: {error}"))?;
        let address = found.into_iter().next().ok_or_else(|| format!("cannot find {name}"))?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| ALLOWED)?;
        Ok(Self { address, host })
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        let host = HeaderValue::from_str(&address.to_string());
        Self { address, host: host.unwrap_or(HeaderValue::from_static("localhost")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_address_and_a_host_header() {
        for (url, address, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1/", "127.0.0.1:80", "127.0.0.1"),
            ("http://[::1]:9", "[::1]:9", "[::1]:9"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.address.to_string().as_str(), target.host.to_str().unwrap()), (address, host));
        }
        for url in
            ["", "127.0.0.1:8080", "https://127.0.0.1", "http://127.0.0.1/orders", "http://127.0.0.1/?x", "ftp://x"]
        {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
