//! The variants that are compared: databases of one throw-away cluster, each with its way of capturing DDL.

use crate::measure::FLOOR;
use harness::cluster::Cluster;
use postgres::Client;

/// Memory enough, nothing in the background, no waiting for the disk: what is left is what the commands cost.
const OPTIONS: &str = "-c synchronous_commit=off -c shared_buffers=512MB -c max_wal_size=16GB -c checkpoint_timeout=1h \
    -c wal_level=logical -c autovacuum=off -c jit=off -c max_locks_per_transaction=2048 -c max_connections=60";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No event trigger.
    None,
    /// An event trigger in native code that does nothing.
    Empty,
    /// One that does only what the contract cannot do without.
    Floor,
    /// The PL/pgSQL function of documented behaviour.
    PlPgSql,
    Extension,
    Pgaudit,
    PglDdlDeploy,
}

pub struct Variant {
    pub name: String,
    pub database: String,
    pub kind: Kind,
    rows: i64,
}

pub struct Bench {
    pub cluster: Cluster,
    /// Of the peers, whose libraries have to be preloaded: so that only they pay for it.
    pub peer_cluster: Option<Cluster>,
    pub scale: f64,
}

impl Bench {
    pub fn new(scale: f64, peers: bool) -> Self {
        let cluster = harness::server::fresh();
        cluster.start(OPTIONS);
        let peer_cluster = peers.then(|| {
            let cluster = harness::server::fresh();
            cluster.start(&format!(
                "{OPTIONS} -c shared_preload_libraries=pglogical,pgaudit"
            ));
            cluster
        });
        Bench {
            cluster,
            peer_cluster,
            scale,
        }
    }

    /// `n` times the scale, at least one.
    pub fn times(&self, n: usize) -> usize {
        ((n as f64 * self.scale) as usize).max(1)
    }

    pub fn description(&self) -> String {
        let version: String = self
            .cluster
            .connect("postgres")
            .query_one("SHOW server_version", &[])
            .expect("a version")
            .get(0);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        format!(
            "PostgreSQL {version}, {processors} processors, fsync and synchronous_commit off; the ratio is to the first line of each table, and so is what is added. \
             The floor is a native event trigger that does only what the contract cannot do without (`bench/floor.c`)."
        )
    }

    pub fn connect(&self, variant: &Variant) -> Client {
        let cluster = match (variant.kind, &self.peer_cluster) {
            (Kind::Pgaudit | Kind::PglDdlDeploy, Some(cluster)) => cluster,
            _ => &self.cluster,
        };
        cluster.connect(&variant.database)
    }

    /// No capture, the floor, the PL/pgSQL function and the extension.
    pub fn few(&self, topic: &str) -> Vec<Variant> {
        self.few_of(topic, "template0")
    }

    /// The same in copies of a database.
    pub fn few_of(&self, topic: &str, template: &str) -> Vec<Variant> {
        [
            ("no capture", Kind::None),
            (FLOOR, Kind::Floor),
            ("PL/pgSQL function", Kind::PlPgSql),
            ("extension", Kind::Extension),
        ]
        .map(|(name, kind)| self.variant_of(topic, name, kind, 0, template))
        .into()
    }

    /// The same, the empty trigger, and the peers.
    pub fn standard(&self, topic: &str) -> Vec<Variant> {
        let mut variants = self.few(topic);
        variants.insert(
            1,
            self.variant(topic, "empty native trigger", Kind::Empty, 0),
        );
        if self.peer_cluster.is_some() {
            variants.push(self.variant(topic, "pgaudit 1.7 (log only)", Kind::Pgaudit, 0));
            variants.push(self.variant(topic, "pgl_ddl_deploy 2.1", Kind::PglDdlDeploy, 0));
        }
        variants
    }

    /// A new database for one variant.
    pub fn variant(&self, topic: &str, name: &str, kind: Kind, rows: i64) -> Variant {
        self.variant_of(topic, name, kind, rows, "template0")
    }

    fn variant_of(
        &self,
        topic: &str,
        name: &str,
        kind: Kind,
        rows: i64,
        template: &str,
    ) -> Variant {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let variant = Variant {
            name: name.to_owned(),
            database: format!("{topic}_{}", plain.to_lowercase()),
            kind,
            rows,
        };
        let cluster = match (kind, &self.peer_cluster) {
            (Kind::Pgaudit | Kind::PglDdlDeploy, Some(cluster)) => cluster,
            _ => &self.cluster,
        };
        cluster
            .connect("postgres")
            .batch_execute(&format!(
                "CREATE DATABASE {} TEMPLATE {template}",
                variant.database
            ))
            .expect("CREATE DATABASE");
        let mut client = self.connect(&variant);
        let setup = match kind {
            Kind::None => String::new(),
            Kind::Empty => format!(
                "CREATE FUNCTION empty_trigger() RETURNS event_trigger LANGUAGE c AS '{}';
                 CREATE EVENT TRIGGER empty_trigger ON ddl_command_end EXECUTE FUNCTION empty_trigger()",
                std::env::var("DTS_BENCH_EMPTY").expect("DTS_BENCH_EMPTY")
            ),
            Kind::Floor => include_str!("../floor.sql").replace(
                "FLOOR_LIBRARY",
                &std::env::var("DTS_BENCH_FLOOR").expect("DTS_BENCH_FLOOR"),
            ),
            Kind::PlPgSql => include_str!("../plpgsql_capture.sql").to_owned(),
            Kind::Extension => "CREATE EXTENSION dts_ddl_capture".to_owned(),
            Kind::Pgaudit => format!("CREATE EXTENSION pgaudit; ALTER DATABASE {} SET pgaudit.log = 'ddl'", variant.database),
            Kind::PglDdlDeploy => include_str!("../pgl_ddl_deploy.sql").replace("DATABASE_NAME", &variant.database),
        };
        client
            .batch_execute(&setup)
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        if rows > 0 {
            client
                .batch_execute(&format!(
                    "ALTER DATABASE {0} SET dts_ddl_capture.max_rows = {1};
                     INSERT INTO public.dts_ddl_command (ddl_text, event, tag, username, database, schema, object_type, object_name, event_time, txid_current, message)
                     SELECT 'ALTER TABLE bench_round ADD COLUMN w integer', 'ddl_command_end', 'ALTER TABLE', 'postgres', '{0}', 'public',
                            'table', 'public.bench_round', now(), '1', json_build_object('v', 1, 'filler', repeat('x', 280))
                     FROM generate_series(1, {1})",
                    variant.database, variant.rows
                ))
                .expect("rows");
        }
        self.connect(&variant)
            .batch_execute("VACUUM")
            .expect("VACUUM");
        variant
    }
}
