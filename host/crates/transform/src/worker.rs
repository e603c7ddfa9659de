//! What works on rows: an instance of each transform, and the plans that they made.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chameleon_model::{ChangeBuffer, TableName, TableSchema};
use sha2::{Digest, Sha256};

use crate::abi::v0_1::{Batch, Plan, TablePlan as Asked};
use crate::chain::{Chain, Link};
use crate::error::{Fault, TransformError};
use crate::gather;
use crate::instance::Instance;
use crate::module::hex;
use crate::outcome::{Meta, Origin, Output, Outputs, TablePlan, Transformed};
use crate::plan::{self, Shape};
use crate::run::Run;

/// Changes rows. Calls are synchronous and take processor time, up to a second for a batch.
pub struct Worker {
    chain: Chain,
    pub(crate) stages: Vec<Stage>,
    planned: HashMap<Known, Planned>,
}

struct Planned {
    plan: TablePlan,
    fingerprint: String,
}

/// One transform of this worker.
pub(crate) struct Stage {
    pub(crate) link: Arc<Link>,
    pub(crate) instance: Option<Instance>,
    /// Counts instances, to see which of the plans the present one knows.
    pub(crate) generation: u32,
    next_id: u32,
    /// By input table.
    tables: HashMap<Known, StagePlan>,
}

/// A table version, told apart by identity.
#[derive(Clone)]
struct Known(Arc<TableSchema>);

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Known {}

impl std::hash::Hash for Known {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).addr().hash(state);
    }
}

/// What a transform does to a table version.
#[derive(Clone)]
pub(crate) enum StagePlan {
    Pass,
    Exclude,
    Apply(Arc<Applied>),
}

/// A plan that rows are handed over for.
pub(crate) struct Applied {
    pub(crate) id: u32,
    pub(crate) input: Arc<TableSchema>,
    pub(crate) source: TableName,
    pub(crate) asked: Asked,
    pub(crate) shape: Shape,
    pub(crate) routes: Vec<Arc<TableSchema>>,
    /// The instance that knows the plan, and the vectors that are used again.
    pub(crate) state: std::sync::Mutex<Scratch>,
}

/// What changes with every batch.
pub(crate) struct Scratch {
    pub(crate) generation: u32,
    pub(crate) batch: Arc<Batch>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    pub(crate) fn new(chain: Chain) -> Self {
        let stage = |link: &Arc<Link>| Stage {
            link: Arc::clone(link),
            instance: None,
            generation: 0,
            next_id: 0,
            tables: HashMap::new(),
        };
        Self {
            stages: chain.links().iter().map(stage).collect(),
            chain,
            planned: HashMap::new(),
        }
    }

    /// What the chain makes of a table of the source. Asked once per table version; the answer is
    /// the same in every worker.
    ///
    /// # Errors
    /// TRF011 to TRF013 and TRF020 to TRF025, which are about this table alone; TRF009.
    pub fn plan(&mut self, table: &Arc<TableSchema>) -> Result<TablePlan, TransformError> {
        self.planned(table).map(|planned| planned.plan.clone())
    }

    /// As [`Chain::fingerprint_for`].
    ///
    /// # Errors
    /// As [`Worker::plan`].
    pub fn fingerprint(&mut self, table: &Arc<TableSchema>) -> Result<String, TransformError> {
        self.planned(table)
            .map(|planned| planned.fingerprint.clone())
    }

    /// A version of a table of the source is gone: dropped, renamed or altered.
    pub fn forget(&mut self, table: &Arc<TableSchema>) {
        self.planned.remove(&Known(Arc::clone(table)));
        let mut gone = vec![Arc::clone(table)];
        for stage in &mut self.stages {
            let mut next = Vec::new();
            for table in &gone {
                let Some(plan) = stage.tables.remove(&Known(Arc::clone(table))) else {
                    next.push(Arc::clone(table));
                    continue;
                };
                match plan {
                    StagePlan::Apply(applied) => {
                        next.extend(applied.routes.iter().cloned());
                        stage.forget(applied.id);
                    }
                    _ => next.push(Arc::clone(table)),
                }
            }
            gone = next;
        }
    }

    /// Changes rows. `snapshot`: they are rows of a copy. What concerns one table alone is told in
    /// the result; a buffer that no plan concerns is given back as it is.
    ///
    /// # Errors
    /// TRF009, where no instance can be made.
    pub fn run(
        &mut self,
        rows: ChangeBuffer,
        snapshot: bool,
        meta: Option<&Meta>,
    ) -> Result<Transformed, TransformError> {
        Run::new(rows, snapshot, meta).through(self)
    }

    /// Memory that the instances have now, in bytes.
    pub fn memory(&self) -> usize {
        let instances = self.stages.iter().filter_map(|s| s.instance.as_ref());
        instances.map(Instance::memory).sum()
    }

    fn planned(&mut self, table: &Arc<TableSchema>) -> Result<&Planned, TransformError> {
        let key = Known(Arc::clone(table));
        if !self.planned.contains_key(&key) {
            let planned = self.plan_chain(table)?;
            self.planned.insert(key.clone(), planned);
        }
        match self.planned.get(&key) {
            Some(planned) => Ok(planned),
            None => Err(TransformError::Engine {
                reason: "a plan was lost".into(),
            }),
        }
    }

    /// Follows the table and what becomes of it through all stages.
    fn plan_chain(&mut self, table: &Arc<TableSchema>) -> Result<Planned, TransformError> {
        let all = (0..table.columns.len()).map(Origin::Passed).collect();
        let mut leaves: Vec<(Arc<TableSchema>, Vec<Origin>)> = vec![(Arc::clone(table), all)];
        let mut facts = Facts::default();
        for stage in 0..self.stages.len() {
            let mut next: Vec<(Arc<TableSchema>, Vec<Origin>)> = Vec::new();
            for (input, origins) in leaves {
                match self.stage_plan(stage, &input, &table.name)? {
                    StagePlan::Pass => next.push((input, origins)),
                    StagePlan::Exclude => {
                        facts.stages.insert(stage);
                    }
                    StagePlan::Apply(applied) => {
                        facts.take(stage, &applied);
                        let composed = applied.origins(&origins);
                        let routes = applied.routes.iter();
                        next.extend(routes.map(|r| (Arc::clone(r), composed.clone())));
                    }
                }
            }
            leaves = next;
        }
        Ok(self.summed_up(leaves, facts))
    }

    fn summed_up(&self, leaves: Vec<(Arc<TableSchema>, Vec<Origin>)>, facts: Facts) -> Planned {
        let links = facts.stages.iter().map(|&n| &self.stages[n].link);
        let mut hash = Sha256::new();
        links
            .clone()
            .for_each(|link| hash.update(link.fingerprint.as_bytes()));
        let fingerprint = match facts.stages.len() {
            0 => String::new(),
            _ => hex(&hash.finalize()[..16]),
        };
        let routes = leaves
            .into_iter()
            .map(|(table, columns)| Output { table, columns });
        let plan = if facts.stages.is_empty() {
            TablePlan::Pass
        } else if routes.len() == 0 {
            TablePlan::Exclude
        } else {
            TablePlan::Apply(Arc::new(Outputs {
                routes: routes.collect(),
                reads: facts.reads,
                reads_old: facts.reads_old,
                reads_before: facts.reads_before,
                needs_full_images: facts.needs_full_images,
                wants_meta: facts.wants_meta,
                deterministic: !facts.uncertain,
                fingerprint: fingerprint.clone(),
                transforms: links.map(|link| link.name.to_string()).collect(),
            }))
        };
        Planned { plan, fingerprint }
    }

    /// The plan of one transform for a table, which was `source` at the source.
    pub(crate) fn stage_plan(
        &mut self,
        stage: usize,
        table: &Arc<TableSchema>,
        source: &TableName,
    ) -> Result<StagePlan, TransformError> {
        let key = Known(Arc::clone(table));
        if let Some(plan) = self.stages[stage].tables.get(&key) {
            return Ok(plan.clone());
        }
        let plan = if self.stages[stage].link.is_for(source, &table.name) {
            self.ask(stage, table, source)?
        } else {
            StagePlan::Pass
        };
        self.stages[stage].tables.insert(key, plan.clone());
        Ok(plan)
    }

    fn ask(
        &mut self,
        stage: usize,
        table: &Arc<TableSchema>,
        source: &TableName,
    ) -> Result<StagePlan, TransformError> {
        self.start(stage)?;
        let stage = &mut self.stages[stage];
        let id = stage.next_id;
        stage.next_id = stage.next_id.wrapping_add(1);
        let asked = match stage.plan_table(table, id, source)? {
            Plan::Pass => return Ok(StagePlan::Pass),
            Plan::Exclude => return Ok(StagePlan::Exclude),
            Plan::Apply(asked) => asked,
        };
        let shape = plan::check(&asked, table, &stage.link.name, source)?;
        let routes = shape.routes.iter().cloned();
        let routes = routes.map(|route| self.chain.intern(source, table, route));
        let state = std::sync::Mutex::new(Scratch {
            generation: stage.generation,
            batch: Arc::new(batch(&asked, table, id)),
        });
        Ok(StagePlan::Apply(Arc::new(Applied {
            id,
            input: Arc::clone(table),
            source: source.clone(),
            routes: routes.collect(),
            asked,
            shape,
            state,
        })))
    }

    /// Makes the stage's instance where there is none.
    pub(crate) fn start(&mut self, stage: usize) -> Result<(), TransformError> {
        let stage = &mut self.stages[stage];
        if stage.instance.is_none() {
            stage.instance = Some(self.chain.instance(&stage.link)?);
            stage.generation = stage.generation.wrapping_add(1);
        }
        Ok(())
    }

    /// Makes sure that the present instance has the plan, which must be what it was.
    pub(crate) fn replan(&mut self, stage: usize, applied: &Applied) -> Result<(), TransformError> {
        self.start(stage)?;
        let stage = &mut self.stages[stage];
        let again = stage.plan_table(&applied.input, applied.id, &applied.source)?;
        if again == Plan::Apply(applied.asked.clone()) {
            return Ok(());
        }
        Err(TransformError::Plan {
            transform: stage.link.name.to_string(),
            table: applied.source.clone(),
            reason: "a new instance made another plan for the same table".into(),
        })
    }
}

impl Stage {
    fn plan_table(
        &mut self,
        table: &TableSchema,
        id: u32,
        source: &TableName,
    ) -> Result<Plan, TransformError> {
        let Some(instance) = &mut self.instance else {
            return Err(TransformError::Engine {
                reason: "an instance was lost".into(),
            });
        };
        let transform = || self.link.name.to_string();
        instance
            .plan(plan::describe(table, id))
            .map_err(|fault| match fault {
                Fault::Refused { reason, .. } => TransformError::Table {
                    transform: transform(),
                    table: source.clone(),
                    reason,
                },
                fault => {
                    self.instance = None;
                    TransformError::Call {
                        transform: transform(),
                        attempt: "plan a table",
                        table: Some(Box::new(source.clone())),
                        fault,
                    }
                }
            })
    }

    fn forget(&mut self, id: u32) {
        if let Some(instance) = &mut self.instance
            && instance.forget(id).is_err()
        {
            // a new one knows nothing of the table either
            self.instance = None;
        }
    }
}

impl Applied {
    /// Where output columns come from at the source, given where the input's do.
    fn origins(&self, input: &[Origin]) -> Vec<Origin> {
        let columns = self.shape.columns.iter();
        let compose = |column: &plan::OutColumn| match column.origin {
            Origin::Passed(n) => input[n],
            Origin::Replaced(n) => input[n].source().map_or(Origin::Computed, Origin::Replaced),
            Origin::Computed => Origin::Computed,
        };
        columns.map(compose).collect()
    }
}

/// What the stages of a plan come to.
#[derive(Default)]
struct Facts {
    stages: BTreeSet<usize>,
    reads: Vec<String>,
    reads_old: Vec<String>,
    reads_before: bool,
    needs_full_images: bool,
    wants_meta: bool,
    uncertain: bool,
}

impl Facts {
    fn take(&mut self, stage: usize, applied: &Applied) {
        let asked = &applied.asked;
        self.stages.insert(stage);
        for (names, columns) in [
            (&mut self.reads, &asked.read_after),
            (&mut self.reads_old, &asked.read_before),
        ] {
            for &column in columns {
                let name = &applied.input.columns[column as usize].name;
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        self.reads_before |= !asked.read_before.is_empty();
        self.needs_full_images |=
            !asked.read_before.is_empty() || asked.routes.len() > 1 || applied.shape.makes_key;
        self.wants_meta |= asked.want_meta;
        self.uncertain |= !asked.deterministic;
    }
}

/// The vectors that a plan reads, empty.
fn batch(asked: &Asked, table: &TableSchema, id: u32) -> Batch {
    let vectors = |columns: &[u32]| {
        let vector = |&n: &u32| gather::empty(n, gather::form(&table.columns[n as usize].ty));
        columns.iter().map(vector).collect()
    };
    Batch {
        table: id,
        rows: 0,
        snapshot: false,
        ops: Vec::new(),
        after: vectors(&asked.read_after),
        before: vectors(&asked.read_before),
        meta: None,
    }
}
