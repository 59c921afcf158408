//! Between the program on TCP and the server on its socket; closes every connection when asked.

use airlock::sandbox::Cluster;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

pub struct Proxy {
    port: u16,
    /// Connections of an older generation are closed.
    generation: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

impl Proxy {
    pub async fn start(cluster: &Cluster) -> Self {
        let path = cluster.socket_dir().join(format!(".s.PGSQL.{}", cluster.port()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (generation, born) = watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (path, mut born) = (path.clone(), born.clone());
                born.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut server) = UnixStream::connect(path).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = born.changed() => {}
                    }
                });
            }
        });
        Self { port, generation, task }
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// How many connections there were.
    pub fn cut(&self) -> usize {
        let open = self.open();
        self.generation.send_modify(|generation| *generation += 1);
        open
    }

    /// Connections that stand.
    pub fn open(&self) -> usize {
        // One receiver is that of the task which accepts.
        self.generation.receiver_count().saturating_sub(1)
    }
}
