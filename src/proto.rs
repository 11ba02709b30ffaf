//! What `proto/` says, compiled: messages, servers and clients, in a module for each package.

#![allow(missing_docs, clippy::pedantic, reason = "generated")]

tonic::include_proto!("backstitch.v1");

/// Orders that their client drives itself.
pub mod order {
    tonic::include_proto!("order");
}

/// Their payments, or those of a payment service that speaks the same.
pub mod payment {
    tonic::include_proto!("payment");
}

/// Their shipments, or those of a carrier that speaks the same.
pub mod shipping {
    tonic::include_proto!("shipping");
}

/// What the processes of one installation ask each other.
pub mod peer {
    tonic::include_proto!("backstitch.peer.v1");
}

/// All of `proto/`, as a client that asks for it is told.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
