//! The HTTP facade from outside: a client, a server with a database of its own, and nothing else.

mod bad_fields;
mod bad_json;
mod bad_requests;
mod callback;
mod cancel;
mod faults;
mod frame;
mod idempotency;
mod idempotency_elsewhere;
mod late_money;
mod lists;
mod manual_payment;
mod mutations;
mod open_payment;
mod openapi;
mod outcomes;
mod overload;
mod pages;
mod simulation;
mod slow_clients;
mod stock;
mod wait;
