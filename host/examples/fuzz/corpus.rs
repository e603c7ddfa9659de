//! What the inputs are made from.

use std::path::Path;

use crate::transforms::Modules;

pub(crate) struct Corpus {
    /// Statements: the manuals' grammars and captured schemas.
    pub(crate) statements: Vec<Vec<u8>>,
    /// Captured events of a server, each a whole stream.
    pub(crate) streams: Vec<Stream>,
    /// Configurations.
    pub(crate) configurations: Vec<Vec<u8>>,
    modules: Option<Modules>,
}

pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    /// Where each event begins, and the end.
    pub(crate) starts: Vec<usize>,
}

impl Stream {
    fn new(bytes: Vec<u8>) -> Self {
        let mut starts = vec![0];
        let mut at = 0;
        while let Some(size) = bytes.get(at + 9..at + 13) {
            let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]);
            at += usize::try_from(size).unwrap_or(usize::MAX).max(19);
            if at > bytes.len() {
                break;
            }
            starts.push(at);
        }
        Self { bytes, starts }
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &[u8]> {
        self.starts
            .windows(2)
            .map(|ends| &self.bytes[ends[0]..ends[1]])
    }

    /// The events of a kind.
    pub(crate) fn of_kind(&self, kind: u8) -> Vec<&[u8]> {
        self.events()
            .filter(|event| event.get(4) == Some(&kind))
            .collect()
    }
}

impl Corpus {
    pub(crate) fn read(modules: Option<&Path>) -> Result<Self, String> {
        let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        let mut statements = Vec::new();
        let grammar = read(&testdata.join("ddl/grammar.tsv"))?;
        for line in grammar.split(|&byte| byte == b'\n') {
            statements.extend(line.split(|&byte| byte == b'\t').nth(2).map(<[u8]>::to_vec));
        }
        let schemas = read(&testdata.join("ddl/schemas-mysql9.txt"))?;
        for line in schemas.split(|&byte| byte == b'\n') {
            statements.extend(line.strip_suffix(b";").map(<[u8]>::to_vec));
        }
        let mut streams = Vec::new();
        for name in ["mariadb-10.11", "mariadb-11.8", "mysql-9.7"] {
            let path = testdata.join(format!("binlog/{name}.events"));
            streams.push(Stream::new(read(&path)?));
        }
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/config");
        let configurations = vec![
            read(&config.join("config-example.yaml"))?,
            read(&config.join("tests/files/pg_chameleon-1.3.yaml"))?,
        ];
        Ok(Self {
            statements,
            streams,
            configurations,
            modules: modules.map(Modules::load).transpose()?,
        })
    }

    pub(crate) fn has_transforms(&self) -> bool {
        self.modules.is_some()
    }

    pub(crate) fn modules(&self) -> Option<&Modules> {
        self.modules.as_ref()
    }
}
