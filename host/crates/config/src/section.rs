//! A map of the file while it is being read: typed access by key, faults collected, and at the end
//! every key that nobody asked for is unknown.

use std::path::PathBuf;
use std::time::Duration;

use chameleon_diag::codes;

use crate::expand;
use crate::faults::{Faults, nearest, quoted};
use crate::interval;
use crate::scalar;
use crate::secret::Secret;
use crate::yaml::{Kind, Map, Node};

/// A map of the file under its key path.
pub(crate) struct Section<'f> {
    /// Key path with a final dot; empty at the root.
    path: String,
    /// Line of the map.
    line: usize,
    map: &'f Map,
    pub(crate) faults: &'f Faults<'f>,
    asked: Vec<&'static str>,
    /// Values are never shown in messages.
    confidential: bool,
}

/// A scalar with its environment variables put in.
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) plain: bool,
    pub(crate) line: usize,
    shown: String,
}

impl<'f> Section<'f> {
    /// `path`: key path of the map, empty for the root.
    pub(crate) fn new(
        path: &str,
        line: usize,
        map: &'f Map,
        faults: &'f Faults<'f>,
        confidential: bool,
    ) -> Self {
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("{path}.")
        };
        for (key, line) in &map.repeated {
            faults.warning(
                codes::CFG008,
                &format!("{path}{}", shown_key(key)),
                *line,
                "the key stands a second time; the later value counts",
                "remove one of the two lines",
            );
        }
        Self {
            path,
            line,
            map,
            faults,
            asked: Vec::new(),
            confidential,
        }
    }

    /// Key path of a key.
    pub(crate) fn path(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// The value of a key; `None` where it is absent or null.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'f Node> {
        self.asked.push(key);
        let (_, node) = self.map.entries.iter().find(|(k, _)| k == key)?;
        match &node.kind {
            Kind::Scalar { text, plain } if scalar::is_null(text, *plain) => None,
            _ => Some(node),
        }
    }

    /// Line of a key that is there, else 0.
    pub(crate) fn line_of(&self, key: &str) -> usize {
        let found = self.map.entries.iter().find(|(k, _)| k == key);
        found.map_or(0, |(_, node)| node.line)
    }

    /// Reports a key that has to be there; at the line of its map, but for the whole file.
    pub(crate) fn missing(&self, key: &str, remedy: &str) {
        let what = "the key is missing or empty";
        let line = if self.path.is_empty() { 0 } else { self.line };
        self.faults
            .error(codes::CFG003, &self.path(key), line, what, remedy);
    }

    fn not_a(&self, key: &str, line: usize, wanted: &str, found: &str) {
        let what = format!("{found} is not {wanted}");
        let remedy = format!(
            "write {}",
            wanted
                .split_once(" such as ")
                .map_or(wanted, |(_, like)| like)
        );
        self.faults.value(&self.path(key), line, what, remedy);
    }

    fn resolve(&self, key: &str, node: &Node, confidential: bool) -> Option<Scalar> {
        let Kind::Scalar { text, plain } = &node.kind else {
            self.not_a(key, node.line, "a single value", shape(node));
            return None;
        };
        let (text, expanded) = match expand::variables(text, self.faults.env) {
            Ok(found) => found,
            Err(missing) => {
                expand::report(self.faults, &self.path(key), node.line, &missing);
                return None;
            }
        };
        let hidden = expanded || confidential || self.confidential;
        let shown = if hidden {
            "the value".into()
        } else {
            quoted(&text)
        };
        (!expanded || !text.is_empty()).then_some(Scalar {
            text,
            plain: *plain,
            line: node.line,
            shown,
        })
    }

    fn scalar(&mut self, key: &'static str) -> Option<Scalar> {
        let node = self.node(key)?;
        self.resolve(key, node, false)
    }

    /// Text. Plain words that 1.x would have turned into something else get a warning.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        let found = self.scalar(key)?;
        self.warn_if_changed(key, &found);
        Some(found.text)
    }

    fn warn_if_changed(&self, key: &str, found: &Scalar) {
        if found.plain && scalar::changes_as_text(&found.text) {
            self.faults.warning(
                codes::CFG010,
                &self.path(key),
                found.line,
                "without quotes this could be read as a number or a truth value; it is taken as \
                 the text that stands there",
                "put it in quotes",
            );
        }
    }

    /// Text that must be there; empty after a fault.
    pub(crate) fn required(&mut self, key: &'static str, remedy: &str) -> String {
        let Some(node) = self.node(key) else {
            self.missing(key, remedy);
            return String::new();
        };
        let Some(found) = self.resolve(key, node, false) else {
            if matches!(node.kind, Kind::Scalar { .. }) && expand::is_only_empty(node, self.faults)
            {
                self.missing(key, remedy);
            }
            return String::new();
        };
        if found.text.trim().is_empty() {
            self.missing(key, remedy);
        }
        self.warn_if_changed(key, &found);
        found.text
    }

    /// Text that is never shown.
    pub(crate) fn secret(&mut self, key: &'static str) -> Option<Secret> {
        let node = self.node(key)?;
        let found = self.resolve(key, node, true)?;
        self.warn_if_changed(key, &found);
        Some(Secret::new(found.text))
    }

    /// A truth value.
    pub(crate) fn truth(&mut self, key: &'static str, default: bool) -> bool {
        let Some(found) = self.scalar(key) else {
            return default;
        };
        scalar::truth(&found.text).unwrap_or_else(|| {
            self.not_a(key, found.line, "yes or no", &found.shown);
            default
        })
    }

    /// A whole number in a range; `None` after a fault too.
    pub(crate) fn number<T>(&mut self, key: &'static str, from: T, to: T) -> Option<T>
    where
        T: TryFrom<i128> + Into<i128> + Copy,
    {
        let (from, to) = (from.into(), to.into());
        let found = self.scalar(key)?;
        let number = scalar::integer(&found.text, found.plain);
        let fitting = number.filter(|n| (from..=to).contains(n));
        let number = fitting.and_then(|n| T::try_from(n).ok());
        if number.is_none() {
            let wanted = format!("a whole number from {from} to {to}");
            self.not_a(key, found.line, &wanted, &found.shown);
        }
        number
    }

    /// A number of bytes.
    pub(crate) fn size(&mut self, key: &'static str) -> Option<u64> {
        let found = self.scalar(key)?;
        let size = scalar::size(&found.text, found.plain).filter(|size| *size > 0);
        if size.is_none() {
            let wanted = "a size such as 300M, 1G or a number of bytes";
            self.not_a(key, found.line, wanted, &found.shown);
        }
        size
    }

    /// A span of time: seconds, or as PostgreSQL writes intervals.
    pub(crate) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let found = self.scalar(key)?;
        let whole = scalar::integer(&found.text, found.plain);
        let seconds = whole
            .filter(|_| found.plain)
            .and_then(|n| u64::try_from(n).ok());
        let duration = match seconds {
            Some(seconds) => interval::parse(&seconds.to_string()),
            None => interval::parse(&found.text),
        };
        if duration.is_none() {
            let wanted = "a span of time such as '1 day', '12 hours' or a number of seconds";
            self.not_a(key, found.line, wanted, &found.shown);
        }
        duration
    }

    /// A list of texts; a single one stands for a list of one.
    pub(crate) fn list(&mut self, key: &'static str) -> Vec<String> {
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Scalar { .. } => std::slice::from_ref(node),
            Kind::Map(_) => {
                self.not_a(key, node.line, "a list", shape(node));
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for item in items {
            let null =
                matches!(&item.kind, Kind::Scalar { text, plain } if scalar::is_null(text, *plain));
            if null {
                continue;
            }
            if let Some(found) = self.resolve(key, item, false) {
                self.warn_if_changed(key, &found);
                texts.push(found.text);
            }
        }
        texts
    }

    /// One of several words, in any case, `_` as good as `-`.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let found = self.scalar(key)?;
        let word = found.text.trim();
        let plain = |word: &str| word.to_ascii_lowercase().replace('_', "-");
        let chosen = words.iter().find(|(name, _)| plain(name) == plain(word));
        if chosen.is_none() {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let what = format!("{} is not one of {}", found.shown, names.join(", "));
            let meant = nearest(word, &names).unwrap_or("one of these words");
            self.faults
                .value(&self.path(key), found.line, what, format!("write {meant}"));
        }
        chosen.map(|(_, value)| *value)
    }

    /// A path, with `~` for the home directory; a relative one starts from the file's directory.
    pub(crate) fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        let found = self.scalar(key)?;
        self.path_of(key, &found.text)
    }

    /// The same, where it must be there; empty after a fault.
    pub(crate) fn required_file(&mut self, key: &'static str, remedy: &str) -> PathBuf {
        let text = self.required(key, remedy);
        self.path_of(key, &text).unwrap_or_default()
    }

    fn path_of(&self, key: &str, text: &str) -> Option<PathBuf> {
        match expand::home(text, self.faults.env) {
            Ok(path) => Some(self.faults.resolve(&path)),
            Err(what) => {
                let remedy = "write the directory in full";
                self.faults
                    .value(&self.path(key), self.line_of(key), what, remedy);
                None
            }
        }
    }

    /// A map below this one. `None` where it is absent, null or no map, which is a fault.
    pub(crate) fn section(&mut self, key: &'static str, confidential: bool) -> Option<Section<'f>> {
        let node = self.node(key)?;
        let Kind::Map(map) = &node.kind else {
            self.not_a(key, node.line, "a map of keys and values", shape(node));
            return None;
        };
        let path = self.path(key);
        let hidden = confidential || self.confidential;
        Some(Section::new(&path, node.line, map, self.faults, hidden))
    }

    /// The same, where it must be there.
    pub(crate) fn required_section(
        &mut self,
        key: &'static str,
        remedy: &str,
    ) -> Option<Section<'f>> {
        if self.node(key).is_none() {
            self.missing(key, remedy);
            return None;
        }
        self.section(key, true)
    }

    /// All entries, for maps with keys of the user's own.
    pub(crate) fn entries(&self) -> &'f [(String, Node)] {
        &self.map.entries
    }

    /// Keys that 1.x read and nobody needs any more.
    pub(crate) fn without_use(&mut self, keys: &[&'static str]) {
        for key in keys {
            if self.node(key).is_some() {
                self.faults.without_use(self.path(key));
            }
        }
    }

    /// Reports every key that was not asked for. `elsewhere`: known keys of other maps, by the
    /// key path of their map.
    pub(crate) fn finish(self, elsewhere: &[(&str, &[&str])]) {
        for (key, node) in &self.map.entries {
            if self.asked.contains(&key.as_str()) {
                continue;
            }
            let other = elsewhere
                .iter()
                .find(|(_, keys)| keys.contains(&key.as_str()));
            let remedy = match (nearest(key, &self.asked), other) {
                (Some(meant), _) => format!("did you mean `{meant}`?"),
                (None, Some((map, _))) => format!("move it below {map}"),
                (None, None) => "remove the line; config-example.yaml shows all keys".into(),
            };
            let path = self.path(&shown_key(key));
            self.faults
                .error(codes::CFG005, &path, node.line, "unknown key", remedy);
        }
    }
}

/// A key for a message. What follows a colon is cut off: `passwd:secret` is one word to YAML.
pub(crate) fn shown_key(key: &str) -> String {
    let key = key.split([':', '=', ' ']).next().unwrap_or_default();
    key.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// What a node is, for a message.
pub(crate) fn shape(node: &Node) -> &'static str {
    match node.kind {
        Kind::Scalar { .. } => "a single value",
        Kind::List(_) => "a list",
        Kind::Map(_) => "a map",
    }
}
