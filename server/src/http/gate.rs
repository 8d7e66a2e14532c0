//! How many connections there may be: all together, and of one address.
//!
//! Deliberately absent: rates, and anything about accounts.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tracing::warn;

use crate::{
    config::{Limits, Network},
    http::{
        limits::neighbourhood,
        listener::ListenLimits,
        stream::{Accept, Connection},
    },
};

/// How often at most the log says that the connection limit is reached.
const FULL_NOTICE_EVERY: Duration = Duration::from_secs(60);

/// Counts connections: all of them, and those of each address.
pub(crate) struct Gate {
    slots: Arc<Semaphore>,
    census: Census,
    told_full: Option<Instant>,
}

impl Gate {
    /// Counts up to `limits`, and those of each address by `census`.
    pub(crate) fn new(limits: &ListenLimits, census: Census) -> Self {
        let slots = match limits.connections {
            0 => Semaphore::MAX_PERMITS,
            limit => limit.min(Semaphore::MAX_PERMITS),
        };
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            census,
            told_full: None,
        }
    }

    /// Waits for a free slot, then for a connection.
    ///
    /// # Errors
    /// As [`Accept::accept`].
    pub(crate) async fn accept(
        &mut self,
        listener: &impl Accept,
    ) -> io::Result<(Connection, SocketAddr, OwnedSemaphorePermit)> {
        if self.slots.available_permits() == 0
            && self
                .told_full
                .is_none_or(|told| told.elapsed() >= FULL_NOTICE_EVERY)
        {
            warn!("connection limit reached; new connections wait");
            self.told_full = Some(Instant::now());
        }
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .expect("the slots are never closed");
        let (socket, addr) = listener.accept().await?;
        Ok((socket, addr, slot))
    }

    /// The connection's permit, or none if its address has too many.
    pub(crate) fn admit(&self, ip: IpAddr, slot: OwnedSemaphorePermit) -> Option<Permit> {
        // What a proxy carries is counted by whom it names, request by request.
        let place = match self.census.is_proxy(ip) {
            true => Place::default(),
            false => self.census.admit(ip)?,
        };
        Some(Permit {
            _slot: slot,
            place: Arc::new(place),
        })
    }
}

/// A connection's place in the count of all and of its address, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _slot: OwnedSemaphorePermit,
    place: Arc<Place>,
}

impl Permit {
    /// Its place in the count of its address.
    pub(crate) fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place)
    }
}

/// How many connections each address has, and how many of them nobody has vouched for yet.
/// Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Census {
    all: Shares,
    strangers: Shares,
    per_ip: usize,
    strangers_per_ip: usize,
    exempt_loopback: bool,
    proxies: Arc<[Network]>,
}

impl Census {
    /// Counts by `limits`; the connections of `proxies` themselves are not counted.
    pub(crate) fn new(limits: &Limits, proxies: &[Network]) -> Self {
        let limit = |limit| if limit == 0 { usize::MAX } else { limit };
        Self {
            all: Shares::default(),
            strangers: Shares::default(),
            per_ip: limit(limits.connections_per_ip),
            strangers_per_ip: limit(limits.unauthenticated_per_ip),
            exempt_loopback: limits.exempt_loopback,
            proxies: proxies.into(),
        }
    }

    /// A place for one more connection of a stranger at `ip`; none if there are too many.
    pub(crate) fn admit(&self, ip: IpAddr) -> Option<Place> {
        let ip = ip.to_canonical();
        if self.exempt_loopback && ip.is_loopback() {
            return Some(Place::default());
        }
        let of = neighbourhood(ip);
        Some(Place {
            _share: Some(self.all.take(of, self.per_ip)?),
            stranger: Mutex::new(Some(self.strangers.take(of, self.strangers_per_ip)?)),
        })
    }

    fn is_proxy(&self, ip: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(ip))
    }
}

/// A connection in the count of its address. The default one is not counted.
#[derive(Debug, Default)]
pub(crate) struct Place {
    _share: Option<Share>,
    stranger: Mutex<Option<Share>>,
}

impl Place {
    /// Somebody with a valid token speaks over the connection: it makes room for strangers.
    pub(crate) fn vouch(&self) {
        let mut stranger = self.stranger.lock().unwrap_or_else(PoisonError::into_inner);
        drop(stranger.take());
    }
}

/// Open connections by neighbourhood; as many entries as connections at most.
#[derive(Clone, Debug, Default)]
struct Shares(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Shares {
    fn take(&self, of: IpAddr, limit: usize) -> Option<Share> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(of).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Share {
            shares: self.clone(),
            of,
        })
    }
}

#[derive(Debug)]
struct Share {
    shares: Shares,
    of: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, SocketAddr},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };

    use futures_util::StreamExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpSocket, TcpStream},
        sync::Notify,
        task::JoinSet,
        time::timeout,
    };
    use tokio_tungstenite::client_async;
    use tokio_util::task::TaskTracker;
    use warp::{Filter, Reply, filters::BoxedFilter, reply::Response};

    use crate::{
        config::{Limits, Network},
        http::{
            fixture::{GET, Running, exchange, in_time, patient, read_to_close, start, start_with},
            gate::{Census, Shares},
            limits::neighbourhood,
            listener::ListenLimits,
            upgrade::{Handshake, Refusal, handshake},
        },
    };

    fn hello() -> BoxedFilter<(Response,)> {
        warp::any().map(|| "hello".into_response()).boxed()
    }

    /// A listener that counts loopback too.
    async fn start_counting(filter: BoxedFilter<(Response,)>, per_ip: usize) -> Running {
        let limits = Limits {
            connections_per_ip: per_ip,
            exempt_loopback: false,
            ..Limits::default()
        };
        start_with(filter, None, patient(), Census::new(&limits, &[])).await
    }

    async fn connect_from(ip: &str, to: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(ip.parse().unwrap(), 0))
            .unwrap();
        socket.connect(to).await.unwrap()
    }

    /// Whether the hub answers, and does not close at once.
    async fn is_served(client: &mut TcpStream) -> bool {
        // The hub may have closed before, and then the write fails or the answer is empty.
        if client.write_all(GET.as_bytes()).await.is_err() {
            return false;
        }
        let mut first = [0];
        matches!(in_time(client.read(&mut first)).await, Ok(1))
    }

    /// S21: an address has only so many connections that nobody vouched for, and a proxy itself
    /// is not counted.
    #[test]
    fn strangers_have_fewer_places_until_somebody_vouches() {
        let limits = Limits {
            connections_per_ip: 3,
            unauthenticated_per_ip: 2,
            ..Limits::default()
        };
        let proxy: Network = "10.0.0.0/8".parse().unwrap();
        let census = Census::new(&limits, &[proxy]);
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        let (first, _second) = (census.admit(ip).unwrap(), census.admit(ip).unwrap());
        assert!(census.admit(ip).is_none(), "a third stranger");
        assert!(census.admit("192.0.2.2".parse().unwrap()).is_some());
        first.vouch();
        first.vouch();
        let third = census.admit(ip).unwrap();
        third.vouch();
        assert!(census.admit(ip).is_none(), "a fourth connection");
        drop(first);
        assert!(census.admit(ip).is_some());
        assert!(census.is_proxy("10.1.2.3".parse().unwrap()) && !census.is_proxy(ip));
        let many: Vec<_> = (0..100)
            .map(|_| census.admit([127, 0, 0, 1].into()))
            .collect();
        assert!(many.iter().all(Option::is_some), "loopback is exempt");
    }

    /// S21: an address has so many connections, and others are served.
    #[tokio::test]
    async fn an_address_over_its_share_is_closed_and_others_are_served() {
        let hub = start_counting(hello(), 2).await;
        let mut first = connect_from("127.0.0.2", hub.addr).await;
        assert!(is_served(&mut first).await);
        let mut second = connect_from("127.0.0.2", hub.addr).await;
        assert!(is_served(&mut second).await);
        let mut third = connect_from("127.0.0.2", hub.addr).await;
        assert!(!is_served(&mut third).await);
        let mut neighbour = connect_from("127.0.0.3", hub.addr).await;
        assert!(is_served(&mut neighbour).await);

        // The share comes back with the connection; how soon after its close is the hub's affair.
        first.shutdown().await.unwrap();
        read_to_close(&mut first).await;
        in_time(async {
            while !is_served(&mut connect_from("127.0.0.2", hub.addr).await).await {}
        })
        .await;
    }

    #[tokio::test]
    async fn a_websocket_counts_until_it_is_dropped() {
        let sockets = TaskTracker::new();
        let spawner = sockets.clone();
        let ws = warp::path!("ws").and(handshake(Arc::new([]))).map(
            move |handshake: Result<Handshake, Refusal>| {
                let handshake = handshake.unwrap();
                let reply = handshake.reply();
                spawner.spawn(async move {
                    let mut socket = handshake.open().await.unwrap();
                    while let Some(Ok(_)) = socket.next().await {}
                });
                reply
            },
        );
        let hub = start_counting(ws.or(hello()).unify().boxed(), 1).await;
        let stream = TcpStream::connect(hub.addr).await.unwrap();
        let (socket, _) = client_async("ws://localhost/ws", stream).await.unwrap();
        // The accept loop alone is left: HTTP is done with the connection, the count is not.
        in_time(async {
            while hub.tracker.len() > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(!is_served(&mut TcpStream::connect(hub.addr).await.unwrap()).await);

        drop(socket);
        sockets.close();
        in_time(sockets.wait()).await;
        assert!(is_served(&mut TcpStream::connect(hub.addr).await.unwrap()).await);
    }

    #[tokio::test]
    async fn loopback_is_exempt_by_default() {
        let limits = Limits {
            connections_per_ip: 1,
            ..Limits::default()
        };
        let hub = start_with(hello(), None, patient(), Census::new(&limits, &[])).await;
        let mut first = TcpStream::connect(hub.addr).await.unwrap();
        let mut second = TcpStream::connect(hub.addr).await.unwrap();
        assert!(is_served(&mut first).await && is_served(&mut second).await);
    }

    #[tokio::test]
    async fn connections_over_the_limit_wait_and_are_served_later() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let third = Arc::new(Notify::new());
        let counted = {
            let most = Arc::clone(&most);
            warp::any()
                .then(move || {
                    let (now, most, third) = (now.clone(), most.clone(), third.clone());
                    async move {
                        let count = now.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(count, Ordering::SeqCst);
                        if count > 2 {
                            third.notify_waiters();
                        }
                        // Ends early only if a third request comes while two are being served.
                        timeout(Duration::from_millis(100), third.notified())
                            .await
                            .ok();
                        now.fetch_sub(1, Ordering::SeqCst);
                        warp::reply::with_header("", "connection", "close").into_response()
                    }
                })
                .boxed()
        };
        let limits = ListenLimits {
            connections: 2,
            ..patient()
        };
        let hub = start(counted, None, limits).await;
        let mut clients = JoinSet::new();
        for _ in 0..6 {
            clients.spawn(async move {
                let mut client = TcpStream::connect(hub.addr).await.unwrap();
                exchange(&mut client, GET).await.status
            });
        }
        assert_eq!(in_time(clients.join_all()).await, [200; 6]);
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn shares_are_counted_and_given_back() {
        let shares = Shares::default();
        let of: IpAddr = "192.0.2.1".parse().unwrap();
        let first = shares.take(of, 2).unwrap();
        let second = shares.take(of, 2).unwrap();
        assert!(shares.take(of, 2).is_none());
        drop(first);
        let third = shares.take(of, 2).unwrap();
        drop((second, third));
        assert!(shares.0.lock().unwrap().is_empty());
    }

    #[test]
    fn an_ipv6_neighbourhood_is_its_64() {
        let of = |ip: &str| neighbourhood(ip.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
