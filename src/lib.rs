//! Backstitch takes an order through stock, payment and shipping as a durable **saga**: each step is durable
//! before the next begins, and when a step fails everything done so far is undone, in reverse, whatever
//! crashes on the way.
//!
//! The flow of one order:
//!
//! ```text
//!   POST /orders ─▶ http ─▶ service ─▶ SagaCoordinator ─▶ store: saga, first log entry, client's key
//!                                            │  ▲
//!                    one message per stage   ▼  │ outcomes
//!               OrderActor · StockActor · PaymentActor · ShippingActor ─▶ store: load · decide (domain) · save · commit
//! ```
//!
//! The map, each room with its own account of what it owns and must not do:
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | the rules, pure: the saga engine, the checkout as data, the participants as barriers |
//! | [`store`] | the only SQL: batches of commands in, answers out after the commit |
//! | [`providers`] | the outside world behind payment and shipping |
//! | [`peers`] | what processes ask each other where roles run apart |
//! | [`actors`] | supervision, batching, the participants and the coordinator, and proxies of those elsewhere |
//! | [`service`] | what every facade offers, whatever its wire format |
//! | [`http`], [`grpc`] | the REST facade and its gRPC twin |
//! | [`audit`] | the promises, checked over a database |
//! | [`load`] | the load generator, which crashes and audits what it loads |
//! | [`demo`] | a catalogue to try things with, and orders in its shops |
//! | [`exchange`] | the catalogue and the stock as CSV, in and out |
//! | [`app`] | the composition root: settings → store → actors → servers, and the graceful way back |
//! | [`settings`], [`telemetry`], [`clock`], [`lifecycle`] | configuration, logs and metrics, time, the end of a process |
//! | [`proto`] | the messages, servers and clients of `proto/`, compiled |
//! | [`role`], [`credential`] | what a process can be, and by what services and processes know each other |
//! | [`dialect`] | how clients of other systems speak |
//! | [`release`] | which build this is |
//!
//! Dependencies point one way: `domain ← store ← peers ← actors ← service ← {http, grpc} ← app`; `providers` knows only
//! `domain`. A test enforces it.

pub mod actors;
pub mod app;
pub mod audit;
pub mod clock;
pub mod credential;
pub mod demo;
pub mod dialect;
pub mod domain;
pub mod exchange;
pub mod grpc;
pub mod http;
pub mod lifecycle;
pub mod load;
pub mod peers;
pub mod proto;
pub mod providers;
pub mod release;
pub mod role;
pub mod service;
pub mod settings;
pub mod store;
pub mod telemetry;
