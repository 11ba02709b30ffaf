//! The roles as processes of their own: the real binary five times, each on a database of its own.

mod cluster;
mod facade;
mod kill;
mod notifications;
