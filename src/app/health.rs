//! Asks the server that the settings describe how it is: for a container's health check, which has no other
//! program at hand to do so.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long connecting may take, and each part of the answer: longer than `/readyz` takes to find out that it is not.
const BOUND: Duration = Duration::from_secs(5);
/// An answer is a line of JSON and some headers.
const MOST: u64 = 16 << 10;

/// Why a server is not well.
#[derive(Debug, thiserror::Error)]
pub enum Unwell {
    /// Nobody listens, or what does is silent.
    #[error("no server answers on {address}: {source}")]
    Silent {
        /// Where it was asked.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is there, and cannot work.
    #[error("the server on {address} is not ready: {answer}")]
    NotReady {
        /// Where it was asked.
        address: SocketAddr,
        /// Its answer.
        answer: String,
    },
}

/// Asks whether the server that listens on `bind` of this machine is ready.
///
/// # Errors
/// When it is not, or does not answer.
pub fn ask(bind: SocketAddr) -> Result<(), Unwell> {
    let address = reachable(bind);
    let answer = exchange(address).map_err(|source| Unwell::Silent { address, source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(Unwell::NotReady { address, answer: format!("{} {body}", head.lines().next().unwrap_or_default()) })
}

/// An address that stands for all of a machine's is none to connect to.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

fn exchange(address: SocketAddr) -> io::Result<String> {
    let mut server = TcpStream::connect_timeout(&address, BOUND)?;
    server.set_read_timeout(Some(BOUND))?;
    server.set_write_timeout(Some(BOUND))?;
    write!(server, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.take(MOST).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_this_machines_own() {
        for (bind, asked) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.7:8080", "10.0.0.7:8080")]
        {
            assert_eq!(reachable(bind.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
