//! The owner's own node, asked for what no light client can know: fresh keys, and what a light client starts from.

use crate::{authority::Keys, error::Error};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// A specification holds the first block's whole state, the runtime in hex with it.
pub const LONGEST: u64 = 256 << 20;

/// What `author_rotateKeysWithOwner` gives.
#[derive(Deserialize)]
struct Rotated {
    keys: String,
    proof: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Lets the node behind this address (`http://HOST:PORT`) make fresh session keys and prove to hold them for this owner. A node answers
/// this only where its RPC is meant for its operator: on its own host, or with `--rpc-methods unsafe`.
pub fn rotate_keys(url: &str, owner: &[u8; 32]) -> Result<Keys, Error> {
    let owner = format!("0x{}", hex::encode(owner));
    let rotated = ask(url, "author_rotateKeysWithOwner", &json!([owner]));
    let Rotated { keys, proof } = rotated.map_err(|why| Error::Node(url.into(), why))?;
    Ok(Keys::parse(&keys, &proof)?)
}

/// Asks a node one thing.
pub fn ask<T: DeserializeOwned>(url: &str, method: &str, params: &Value) -> Result<T, String> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
    let sent = agent.post(url).content_type("application/json").send(request.to_string());
    let text = sent.and_then(|mut answer| answer.body_mut().with_config().limit(LONGEST).read_to_string());
    read(&text.map_err(|error| error.to_string())?)
}

/// What a node's answer holds.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let answer: Answer<T> =
        serde_json::from_str(text).map_err(|error| format!("not a node's answer: {error}"))?;
    match answer {
        Answer { result: Some(result), .. } => Ok(result),
        Answer { error: Some(refusal), .. } => Err(refusal.message),
        Answer { .. } => Err("an answer without content".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    /// Answers one request, and returns it.
    fn node(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut piece) = (Vec::new(), [0; 1024]);
            while !request.ends_with(b"}") {
                let read = stream.read(&mut piece).unwrap();
                request.extend_from_slice(&piece[..read]);
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        (url, served)
    }

    #[test]
    fn a_node_is_asked_for_its_owner() {
        let answer = concat!(
            r#"{"jsonrpc":"2.0","id":1,"result":{"keys":"0x"#,
            "1111111111111111111111111111111111111111111111111111111111111111",
            "2222222222222222222222222222222222222222222222222222222222222222",
            r#"","proof":"0x33"}}"#
        );
        let (url, served) = node(answer);
        let keys = rotate_keys(&url, &[0xAB; 32]).unwrap();
        assert_eq!(keys, Keys { producer: [0x11; 32], voter: [0x22; 32], proof: vec![0x33] });
        let request = served.join().unwrap();
        assert!(request.starts_with("POST / HTTP/1.1"), "{request}");
        assert!(request.contains(&format!(r#""params":["0x{}"]"#, "ab".repeat(32))), "{request}");
    }

    #[test]
    fn a_refusal_is_passed_on_and_nobody_at_home_is_said() {
        let (url, served) =
            node(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"RPC call is unsafe"}}"#);
        let error = rotate_keys(&url, &[0; 32]).unwrap_err().to_string();
        assert!(error.contains("unsafe") && error.contains(&url), "{error}");
        served.join().unwrap();
        assert!(matches!(rotate_keys(&url, &[0; 32]), Err(Error::Node(..))));
        for text in ["", "{}", "[]", r#"{"result":{}}"#] {
            assert!(read::<Rotated>(text).is_err(), "{text}");
        }
    }
}
