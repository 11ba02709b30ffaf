//! The roles as processes of their own: the real binary five times, each on a database of its own.

mod answers;
mod authority;
mod certificates;
mod cluster;
mod facade;
mod guard;
mod imposter;
mod kill;
mod notifications;
mod ready;
