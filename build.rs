//! Compiles `proto/` into the messages, servers and clients of the gRPC facade, with a compiler in Rust: nothing has to
//! be installed.

use std::{env, error::Error, fs, path::PathBuf};

/// What is compiled; what these import comes with them.
const FILES: [&str; 5] =
    ["backstitch/v1/saga.proto", "backstitch/peer/v1/peer.proto", "order.proto", "payment.proto", "shipping.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    // For server reflection.
    let file = PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin");
    fs::write(file, prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().bytes(".backstitch.peer").compile_fds(descriptors)?;
    Ok(())
}
