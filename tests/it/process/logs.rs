//! The log as a machine reads it.

use super::server::command;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::mpsc,
    time::Duration,
};

#[tokio::test]
async fn a_requests_id_is_in_the_log_as_the_client_sent_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = command(directory.path());
    command.env("BACKSTITCH__TELEMETRY__LOG", "info,backstitch=debug");
    let mut child = command.arg("serve").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let (told, log) = mpsc::channel::<Value>();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let _ = told.send(serde_json::from_str(&line).expect("a line of JSON"));
        }
    });
    let next = |is_it: &dyn Fn(&Value) -> bool| loop {
        let line = log.recv_timeout(Duration::from_mins(1)).expect("a further line");
        if is_it(&line) {
            return line;
        }
    };
    let listening = next(&|line| line["message"] == "backstitch is listening");
    let url = format!("http://{}/healthz", listening["address"].as_str().expect("an address"));
    crate::support::http_client().get(url).header("X-Request-Id", "till-7").send().await.expect("an answer");
    let line = next(&|line| line["message"] == "request");
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
    assert_eq!(line["request_id"], "till-7", "{line}");
}
