//! Makes the trees of engines from Debian packages, once: suites in parallel, and one process at a time.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, anyhow};

use super::{archive::Suite, engine::Engine, platform::Platform, tree::Tree};
use crate::cache;

/// The trees of `engines`, in their order; those that are not in the cache yet are fetched.
pub(crate) fn trees(engines: &[Engine]) -> Result<Vec<Tree>> {
    let platform = Platform::of_this_machine()?;
    let places = Places::open()?;
    let mut wanted: BTreeMap<&str, Vec<&Engine>> = BTreeMap::new();
    for engine in engines {
        let packages = engine.packages().with_context(|| {
            format!("{engine} is in no known suite of packages: use a container or a URL")
        })?;
        if Tree::find(&places.rootfs, engine, platform).is_none() {
            let of_suite = wanted.entry(packages.suite).or_default();
            if !of_suite.contains(&engine) {
                of_suite.push(engine);
            }
        }
    }
    thread::scope(|scope| {
        let fetches: Vec<_> = wanted
            .iter()
            .map(|(suite, engines)| scope.spawn(|| fetch(&places, suite, engines, platform)))
            .collect();
        fetches
            .into_iter()
            .map(|fetch| {
                fetch
                    .join()
                    .map_err(|_| anyhow!("fetching stopped short"))?
            })
            .collect::<Result<Vec<()>>>()
    })?;
    engines
        .iter()
        .map(|engine| {
            Tree::find(&places.rootfs, engine, platform)
                .with_context(|| format!("the tree of {engine} is not complete"))
        })
        .collect()
}

struct Places {
    rootfs: PathBuf,
    suites: PathBuf,
}

impl Places {
    fn open() -> Result<Self> {
        let cache = cache::directory()?;
        let places = Places {
            rootfs: cache.join("rootfs"),
            suites: cache.join("suites"),
        };
        fs::create_dir_all(&places.rootfs)?;
        fs::create_dir_all(&places.suites)?;
        Ok(places)
    }
}

fn fetch(places: &Places, suite: &str, engines: &[&Engine], platform: Platform) -> Result<()> {
    let _lock = lock(&places.suites.join(format!("{suite}.lock")))?;
    for engine in engines {
        // Another process may have been quicker.
        if Tree::find(&places.rootfs, engine, platform).is_some() {
            continue;
        }
        let begun = Instant::now();
        eprintln!("fetching {engine} from the suite {suite}");
        let tree = fetch_one(places, suite, engine, platform)
            .with_context(|| format!("cannot fetch {engine}"))?;
        eprintln!(
            "{engine}: version {} in {:.0} s",
            tree.version,
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn fetch_one(places: &Places, suite: &str, engine: &Engine, platform: Platform) -> Result<Tree> {
    let packages = engine.packages().context("not packaged")?;
    let mut names = vec![packages.server];
    names.extend(packages.more);
    let archives = Suite::open(&places.suites, suite, platform)?.download(&names)?;
    Tree::build(&places.rootfs, engine, &archives, platform)
}

/// Waits until this process is the only one at work here; released when the file is closed.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot open {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}
