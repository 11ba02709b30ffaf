//! The real binary: started, loaded, killed, crashed, stopped, and audited afterwards.

mod backup;
mod commands;
mod crash;
mod demo;
mod direct;
mod files;
mod kill;
pub(crate) mod load;
mod logs;
mod notifications;
mod server;
mod stop;
mod transfer;
