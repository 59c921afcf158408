//! `GET /metrics` over HTTP, for as long as the run lasts. No more of HTTP than that.

use super::metrics::Metrics;
use crate::error::{Error, Kind};
use crate::run::{Event, Progress};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longest request that is read, in bytes.
const REQUEST_MAX: usize = 8 * 1024;

/// How long a client may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Clients that are answered side by side, so that one that says nothing keeps no other waiting.
const CLIENTS_MAX: usize = 16;

/// Time between two attempts at an address that another program listens at.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Server(tokio::task::JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Listens at `at`, or as soon as whoever does so now has gone: most likely another run, which this one is
    /// about to wait for. That is said to `told` once.
    ///
    /// # Errors
    /// An address that waiting does not make any better: of another machine, or not allowed.
    pub(super) fn start(
        at: SocketAddr,
        metrics: &Arc<Metrics>,
        told: &dyn Progress,
    ) -> Result<Self, Error> {
        let first = match bind(at) {
            Ok(listener) => Some(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let text = format!(
                    "metrics: {at} is in use, by another run perhaps; listening there once it is free"
                );
                told.event(&Event::Notice { text });
                None
            }
            Err(error) => {
                return Err(Error::new(Kind::Input, format!("cannot listen at {at} for metrics"))
                    .detail(format!("{error}."))
                    .hint("Choose another address for listen in [metrics]."));
            }
        };
        let metrics = Arc::clone(metrics);
        Ok(Self(tokio::spawn(async move {
            let listener = match first {
                Some(listener) => listener,
                None => once_free(at).await,
            };
            serve(&listener, &metrics).await;
        })))
    }
}

fn bind(at: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(at)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn once_free(at: SocketAddr) -> TcpListener {
    loop {
        tokio::time::sleep(AGAIN).await;
        if let Ok(listener) = bind(at) {
            return listener;
        }
    }
}

async fn serve(listener: &TcpListener, metrics: &Arc<Metrics>) {
    // Dropped together with the task, and the clients with it.
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        if clients.len() >= CLIENTS_MAX {
            clients.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let metrics = Arc::clone(metrics);
        clients.spawn(async move {
            let _ = tokio::time::timeout(TIMEOUT, answer(stream, &metrics)).await;
        });
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_MAX {
        match stream.read(&mut part).await? {
            0 => break,
            n => request.extend_from_slice(&part[..n]),
        }
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (status, body) = match line.strip_prefix(b"GET ").map(path) {
        Some(b"/metrics") => ("200 OK", metrics.render()),
        Some(_) => ("404 Not Found", "see /metrics\n".to_owned()),
        None => ("405 Method Not Allowed", "only GET\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// What is asked for, without the parameters that a scraper may add.
fn path(target: &[u8]) -> &[u8] {
    target.split(|byte| matches!(byte, b' ' | b'?')).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Silent;
    use crate::telemetry::testing::Said;

    async fn get(at: SocketAddr, target: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    fn free() -> SocketAddr {
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn clients_that_say_nothing_keep_nobody_waiting() {
        let at = free();
        let _server = Server::start(at, &Arc::default(), &Silent).unwrap();
        let mut silent = Vec::new();
        for _ in 0..CLIENTS_MAX - 1 {
            silent.push(TcpStream::connect(at).await.unwrap());
        }
        let answer = tokio::time::timeout(TIMEOUT / 2, get(at, "/metrics?x=1")).await;
        assert!(answer.unwrap().unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(get(at, "/metricsx").await.unwrap().starts_with("HTTP/1.1 404"));
        // One too many waits, until the others have had their time.
        silent.push(TcpStream::connect(at).await.unwrap());
        assert!(get(at, "/metrics").await.unwrap().starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn an_address_in_use_is_waited_for_and_a_wrong_one_refused() {
        let (at, said) = (free(), Said::default());
        let first = Server::start(at, &Arc::default(), &said).unwrap();
        let _second = Server::start(at, &Arc::default(), &said).unwrap();
        let notices = said.notices();
        assert!(notices.len() == 1 && notices[0].contains("is in use"), "{notices:?}");
        drop(first);
        let answered = async {
            while get(at, "/metrics").await.is_err() {
                tokio::time::sleep(AGAIN / 10).await;
            }
        };
        tokio::time::timeout(AGAIN * 5, answered).await.unwrap();
        // Reserved for documentation: of no machine.
        let elsewhere = "192.0.2.1:9187".parse().unwrap();
        let refused = Server::start(elsewhere, &Arc::default(), &said).err().unwrap();
        assert_eq!(refused.kind, Kind::Input);
    }
}
