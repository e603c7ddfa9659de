//! YAML text as a tree of scalars, lists and maps, with line numbers.
//!
//! Scalars keep the text that stands in the file and whether it was quoted: what a word means
//! depends on the key that it belongs to (`password: 0123` is not a number), so [`crate::scalar`]
//! decides that later. Anchors, aliases and `<<` work as in YAML 1.1. Depth, size and the number of
//! nodes after aliases are bounded, so a hostile file is an error and not a hung process.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

/// Longest text that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 32;
/// Most scalars, lists and maps, counted after aliases are resolved.
const MAX_NODES: usize = 20_000;

/// A value and the line where it begins, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `plain`: neither quoted nor a block, so it may stand for null, a number or a truth value.
    Scalar { text: String, plain: bool },
    /// `[a, b]` or lines that begin with `-`.
    List(Vec<Node>),
    /// `key: value`.
    Map(Map),
}

/// A map; of a key that stands twice the last value counts, as in 1.x.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Map {
    /// In order of first appearance.
    pub(crate) entries: Vec<(String, Node)>,
    /// Keys that stand more than once, with the line of the later one.
    pub(crate) repeated: Vec<(String, usize)>,
}

impl Map {
    fn insert(&mut self, key: String, line: usize, value: Node) {
        if let Some((_, held)) = self.entries.iter_mut().find(|(k, _)| *k == key) {
            *held = value;
            self.repeated.push((key, line));
        } else {
            self.entries.push((key, value));
        }
    }

    /// `<<`: takes over what the map does not say itself.
    fn merge(&mut self, other: &Map) {
        for (key, value) in &other.entries {
            if !self.entries.iter().any(|(k, _)| k == key) {
                self.entries.push((key.clone(), value.clone()));
            }
        }
    }
}

/// Text that is not the YAML that a configuration may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotYaml {
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// Reads one document. `None`: there is nothing in it but comments.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, NotYaml> {
    if text.len() > MAX_BYTES {
        return Err(fault(1, "the file is larger than 1 MiB"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = indent_closing_brackets(text);
    Composer {
        parser: Parser::new_from_str(&text),
        anchors: HashMap::new(),
        nodes: 0,
    }
    .document()
}

/// A closing bracket at the start of a line is good YAML 1.1 and a fault in YAML 1.2. With a blank
/// before it, it is good in both: nothing but a list, a map or quoted text over several lines, where
/// blanks at the start of a line do not count, can hold such a line in a file that is a map.
fn indent_closing_brackets(text: &str) -> Cow<'_, str> {
    if text.contains("\n]") || text.contains("\n}") {
        Cow::Owned(text.replace("\n]", "\n ]").replace("\n}", "\n }"))
    } else {
        Cow::Borrowed(text)
    }
}

fn fault(line: usize, what: impl Into<String>) -> NotYaml {
    NotYaml {
        line,
        what: what.into(),
    }
}

struct Anchored {
    node: Node,
    size: usize,
}

struct Composer<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
}

impl<'t> Composer<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), NotYaml> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => Err(fault(error.marker().line(), error.info())),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn document(mut self) -> Result<Option<Node>, NotYaml> {
        let mut root = None;
        loop {
            let (event, line) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(fault(line, "a second document begins here"));
                }
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                event => root = Some(self.node(event, line, 0)?),
            }
        }
    }

    fn count(&mut self, nodes: usize, line: usize) -> Result<(), NotYaml> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(fault(line, format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, NotYaml> {
        if depth > MAX_DEPTH {
            return Err(fault(line, format!("nested deeper than {MAX_DEPTH}")));
        }
        let before = self.nodes;
        self.count(1, line)?;
        let (anchor, kind) = match event {
            Event::Alias(anchor) => {
                let Some(found) = self.anchors.get(&anchor) else {
                    return Err(fault(line, "an alias inside of its own anchor"));
                };
                let (size, node) = (found.size, found.node.clone());
                self.count(size, line)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(text, style, tag.as_deref(), line)?)
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), &["seq"], line)?;
                (anchor, Kind::List(self.list(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), &["map"], line)?;
                (anchor, Kind::Map(self.map(depth)?))
            }
            _ => return Err(fault(line, "a value was expected")),
        };
        let node = Node { line, kind };
        if anchor > 0 {
            let size = self.nodes - before;
            self.count(size, line)?;
            let held = node.clone();
            self.anchors.insert(anchor, Anchored { node: held, size });
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, NotYaml> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Map, NotYaml> {
        let mut map = Map::default();
        let mut merged = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let merge =
                matches!(&event, Event::Scalar(t, ScalarStyle::Plain, _, None) if t == "<<");
            let Kind::Scalar { text: key, .. } = self.node(event, line, depth + 1)?.kind else {
                return Err(fault(line, "a key must be a word, not a list or a map"));
            };
            let (event, value_line) = self.next()?;
            let value = self.node(event, value_line, depth + 1)?;
            if merge {
                merged.push(value);
            } else {
                map.insert(key, line, value);
            }
        }
        for value in merged {
            let line = value.line;
            match value.kind {
                Kind::Map(other) => map.merge(&other),
                Kind::List(items) => {
                    for item in items {
                        match item.kind {
                            Kind::Map(other) => map.merge(&other),
                            _ => return Err(fault(line, "`<<` takes a map or a list of maps")),
                        }
                    }
                }
                Kind::Scalar { .. } => {
                    return Err(fault(line, "`<<` takes a map or a list of maps"));
                }
            }
        }
        Ok(map)
    }
}

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    line: usize,
) -> Result<Kind, NotYaml> {
    refuse_tag(tag, &["str", "int", "float", "bool", "null"], line)?;
    let is_text = tag.is_some_and(|t| t.suffix == "str" || t.suffix.is_empty());
    let typed = tag.is_some() && !is_text;
    Ok(Kind::Scalar {
        text: text.into_owned(),
        plain: !is_text && (typed || style == ScalarStyle::Plain),
    })
}

/// Tags of YAML itself pass, `!` alone too; `!!python/...` and the like are refused.
fn refuse_tag(tag: Option<&Tag>, known: &[&str], line: usize) -> Result<(), NotYaml> {
    let Some(tag) = tag else { return Ok(()) };
    let plain = tag.suffix.is_empty() && tag.handle == "!";
    if plain || (tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str())) {
        return Ok(());
    }
    Err(fault(
        line,
        "a tag (`!...`) that a configuration has no use for",
    ))
}
