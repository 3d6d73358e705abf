//! The endpoint that Prometheus reads: HTTP/1.1, one resource, one request a connection.
//!
//! It is there to be asked by strangers: connections, the length of a request and the time it may take are bounded, and the page is made once
//! a second at most.

use super::{exposition::CONTENT_TYPE, metrics};
use crate::board::{Board, Part};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// Connections at one time; more wait.
const CONNECTIONS: usize = 8;
/// How long one connection may take, in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// A longer request is refused. Prometheus' own takes some 250 bytes.
const LONGEST_REQUEST: usize = 8 << 10;
/// How long a page is handed out before it is made anew.
const PAGE_AGE: Duration = Duration::from_secs(1);
/// Before an address that is taken is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Serves metrics for ever. An address that cannot be had is a trouble of the agent's, and no end of it.
pub async fn serve(address: SocketAddr, board: Board) {
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => board.trouble(
                Part::Metrics,
                format!("cannot listen on {address}: {error}; set `metrics` to another address"),
            ),
        }
        tokio::time::sleep(TRY_AGAIN).await;
    };
    board.fine(Part::Metrics);
    let bound = listener.local_addr().unwrap_or(address);
    tracing::info!("metrics at http://{bound}/metrics");
    board.note(|snapshot| snapshot.metrics = Some(bound));
    let host = metrics::host();
    accept(listener, Arc::new(Page::new(move || metrics::page(&board.now(), &host))), PATIENCE).await;
}

async fn accept(listener: TcpListener, page: Arc<Page>, patience: Duration) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((connection, _)) = listener.accept().await else {
            // No descriptors are left, most likely: somebody gives one back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let page = Arc::clone(&page);
        tokio::spawn(async move {
            // Who is too slow is cut off, who went away is no news.
            let _ = tokio::time::timeout(patience, answer(connection, &page)).await;
            drop(place);
        });
    }
}

/// The page, as made lately.
struct Page {
    make: Box<dyn Fn() -> String + Send + Sync>,
    made: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Page {
    fn new(make: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { make: Box::new(make), made: Mutex::new(None) }
    }

    fn text(&self) -> Arc<str> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((when, text)) if when.elapsed() < PAGE_AGE => Arc::clone(text),
            _ => {
                let text: Arc<str> = (self.make)().into();
                *made = Some((Instant::now(), Arc::clone(&text)));
                text
            }
        }
    }
}

/// What a request gets.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Metrics,
    HeadersOnly,
    Refused(&'static str, &'static str),
}

async fn answer(mut connection: TcpStream, page: &Page) -> std::io::Result<()> {
    let reply = match read_request(&mut connection).await? {
        Some(head) => judge(&head),
        None => Reply::Refused("431 Request Header Fields Too Large", "the request is too long\n"),
    };
    let text = page.text();
    let (status, kind, body) = match &reply {
        Reply::Metrics | Reply::HeadersOnly => ("200 OK", CONTENT_TYPE, &*text),
        Reply::Refused(status, why) => (*status, "text/plain; charset=utf-8", *why),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    if reply != Reply::HeadersOnly {
        connection.write_all(body.as_bytes()).await?;
    }
    connection.shutdown().await
}

/// A request's head; none if it is too long.
async fn read_request(connection: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = connection.read(&mut piece).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(piece.get(..read).unwrap_or_default());
        if head.len() > LONGEST_REQUEST {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

fn judge(head: &[u8]) -> Reply {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next().unwrap_or_default(), words.next());
    if words.next().is_some() || !version.is_some_and(|version| version.starts_with(b"HTTP/1.")) {
        return Reply::Refused("400 Bad Request", "this is no HTTP/1.1\n");
    }
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    match (method, path) {
        (Some(b"GET"), b"/metrics") => Reply::Metrics,
        (Some(b"HEAD"), b"/metrics") => Reply::HeadersOnly,
        (Some(b"GET" | b"HEAD"), _) => Reply::Refused("404 Not Found", "metrics are at /metrics\n"),
        _ => Reply::Refused("405 Method Not Allowed", "this is for reading\n"),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use tokio::time::timeout;

    async fn started() -> SocketAddr {
        patient(PATIENCE).await
    }

    async fn patient(patience: Duration) -> SocketAddr {
        let board = Board::new("/nonexistent/status.json".into());
        serving(move || metrics::page(&board.now(), "host"), patience).await
    }

    /// Serves a page that is made up.
    pub async fn serving(
        make: impl Fn() -> String + Send + Sync + 'static,
        patience: Duration,
    ) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(accept(listener, Arc::new(Page::new(make)), patience));
        address
    }

    async fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request).await.unwrap();
        let mut answer = String::new();
        // A refusal may come before everything was sent.
        let _ = connection.read_to_string(&mut answer).await;
        answer
    }

    const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";

    #[tokio::test]
    async fn a_scrape_is_answered_in_whole() {
        let address = started().await;
        let answer = ask(address, GET).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("version=0.0.4"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        assert!(body.contains("matrixai_trouble{part=\"tpm\"} 0\n"), "{body}");
        let head_only = ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n").await;
        assert!(head_only.ends_with("\r\n\r\n"));
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let address = started().await;
        let long = [b"GET /metrics HTTP/1.1\r\nX: ", &[b'a'; 20_000][..]].concat();
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"GET /metrics\r\n\r\n", "400"),
            (b"GET /metrics HTTP/2 x\r\n\r\n", "400"),
            (b"\xff\x00\r\n\r\n", "400"),
            (b"\r\n\r\n", "400"),
        ] {
            let answer = ask(address, request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
        assert_eq!(judge(b"GET /metrics?x=1 HTTP/1.1\r\n\r\n"), Reply::Metrics);
        // The rest of what it sent makes the kernel cut the line; the endpoint itself goes on.
        ask(address, &long).await;
        assert!(ask(address, GET).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn slow_clients_hold_up_nobody_for_long() {
        let address = patient(Duration::from_millis(200)).await;
        let mut slow = Vec::new();
        for _ in 0..4 * CONNECTIONS {
            let mut connection = TcpStream::connect(address).await.unwrap();
            connection.write_all(b"GET /metr").await.unwrap();
            slow.push(connection);
        }
        // All places are taken, and three times as many wait before this one. Nobody would answer without the time limit.
        let answer = timeout(Duration::from_secs(120), ask(address, GET)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        drop(slow);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_a_trouble() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let board = Board::new(dir.path().join("status.json"));
        let serving = tokio::spawn(serve(taken.local_addr().unwrap(), board.clone()));
        while !board.now().troubles.contains_key(&Part::Metrics) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        serving.abort();
    }
}
