//! What an author may rely on, seen through small transforms.
#![allow(clippy::unwrap_used, reason = "a test ends at a fault")]

use chameleon_transform_sdk::{
    Ops, Others,
    host::{self, Level},
    prelude::*,
    testing::{self, Change, Datum, TestTable, Tester, Verdict},
};

/// A transform out of two functions.
trait Sketch: 'static {
    fn plan(plan: &mut Planner) -> Result<(), Error>;
    fn rows(rows: &mut Rows<'_>) -> Result<(), Error>;
}

struct Sketched<S>(std::marker::PhantomData<S>);

#[derive(serde::Deserialize)]
struct Nothing {}

impl<S: Sketch> Transform for Sketched<S> {
    const NAME: &'static str = "sketch";
    const VERSION: &'static str = "0";
    type Config = Nothing;
    type Table = ();

    fn new(_: Nothing) -> Result<Self, Error> {
        Ok(Sketched(std::marker::PhantomData))
    }

    fn plan(&self, table: &Table) -> Result<Plan<()>, Error> {
        let mut plan = Planner::new(table);
        S::plan(&mut plan)?;
        plan.apply(())
    }

    fn transform(&self, (): &(), rows: &mut Rows<'_>) -> Result<(), Error> {
        S::rows(rows)
    }
}

fn table() -> TestTable {
    TestTable::new("shop", "t")
        .key("id", "int")
        .column("a", "varchar(10)")
        .column("d", "date")
        .column("e", "enum('x','y')")
        .column("s", "set('p','q')")
}

fn run<S: Sketch>(changes: &[Change]) -> Result<Vec<testing::Outcome>, Error> {
    let mut tester = Tester::<Sketched<S>>::new("")?;
    tester.plan(&table())?;
    tester.run(changes)
}

fn insert(a: Datum) -> Change {
    Change::insert([("id", 1.into()), ("a", a)])
}

macro_rules! sketch {
    ($name:ident, |$plan:ident| $planned:expr, |$rows:ident| $done:expr) => {
        struct $name;
        impl Sketch for $name {
            fn plan($plan: &mut Planner) -> Result<(), Error> {
                $planned
            }
            fn rows($rows: &mut Rows<'_>) -> Result<(), Error> {
                $done
            }
        }
    };
}

#[test]
fn a_column_that_is_not_set_keeps_its_value_and_an_added_one_is_null() {
    sketch!(
        Lazy,
        |plan| {
            plan.replace("a")?;
            plan.replace("e")?;
            plan.add("n", Form::Ints, "integer").map(drop)
        },
        |rows| {
            rows.each_image(|row| {
                if row.text("a") == Some("set") {
                    row.set("n", 7);
                    row.set("e", "y");
                }
                Ok(())
            })
        }
    );
    let row = |a: Datum| Change::insert([("id", 1.into()), ("a", a), ("e", "x".into())]);
    let rows = run::<Lazy>(&[row("set".into()), row("".into()), row(Datum::Null)]).unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.after("a"), row.after("n"), row.after("e")))
        .collect();
    assert_eq!(told[0], (&"set".into(), &7.into(), &"y".into()));
    assert_eq!(told[1], (&"".into(), &Datum::Null, &"x".into()));
    assert_eq!(told[2], (&Datum::Null, &Datum::Null, &"x".into()));
}

#[test]
fn the_last_value_counts() {
    sketch!(Twice, |plan| plan.replace("a").map(drop), |rows| {
        rows.each_image(|row| {
            row.set("a", "longer text");
            row.set("a", Value::Null);
            row.set_text("a", |out| out.push_str("äö"));
            Ok(())
        })
    });
    let rows = run::<Twice>(&[insert("1".into()), insert("2".into())]).unwrap();
    assert_eq!(
        (rows[0].after("a"), rows[1].after("a")),
        (&"äö".into(), &"äö".into())
    );
}

#[test]
fn what_was_not_logged_is_not_made_up() {
    sketch!(
        Eager,
        |plan| {
            plan.replace("a")?;
            plan.add("n", Form::Texts, "text").map(drop)
        },
        |rows| {
            rows.each_image(|row| {
                row.set("a", "made up");
                Ok(())
            })
        }
    );
    let update = Change::partial_update([("id", 1.into())], [("d", "2024-01-01".into())]);
    let rows = run::<Eager>(&[
        update,
        Change::delete([("id", 1.into()), ("a", "x".into())]),
    ])
    .unwrap();
    for row in &rows {
        assert_eq!(
            (row.after("a"), row.after("n")),
            (&Datum::Absent, &Datum::Absent)
        );
    }
}

#[test]
fn a_value_that_its_type_cannot_hold_is_rejected_unless_the_plan_says_more() {
    sketch!(Strict, |plan| plan.replace("d").map(drop), |_rows| Ok(()));
    sketch!(
        Keeping,
        |plan| {
            let output = plan.replace("d")?;
            plan.set_odd(output, Odd::Keep);
            Ok(())
        },
        |_rows| Ok(())
    );
    let zero = Change::insert([("id", 1.into()), ("d", Datum::odd("0000-00-00"))]);
    let rows = run::<Strict>(&[insert(Datum::Null), zero.clone()]).unwrap();
    assert_eq!(rows[0].verdict, Verdict::Keep);
    let reason = "`d` holds a value that its type cannot hold".to_owned();
    assert_eq!(rows[1].verdict, Verdict::Reject(reason));
    assert_eq!(
        run::<Keeping>(&[zero]).unwrap()[0].after("d"),
        &Datum::odd("0000-00-00")
    );
}

#[test]
fn verdicts_and_routes_are_per_row_and_the_last_verdict_counts() {
    sketch!(
        Sort,
        |plan| {
            plan.read("a")?;
            plan.route("shop", "rest");
            plan.route("shop", "b");
            Ok(())
        },
        |rows| {
            rows.each(|row| {
                match row.text("a") {
                    Some("drop") => row.drop_row(),
                    Some("reject") => row.reject("no reason"),
                    Some("both") => {
                        row.reject("not this one");
                        row.drop_row();
                    }
                    Some("b") => row.route(1),
                    _ => {}
                }
                Ok(())
            })
        }
    );
    let texts = ["keep", "drop", "reject", "both", "b"];
    let rows = run::<Sort>(&texts.map(|text| insert(text.into()))).unwrap();
    let told: Vec<_> = rows.iter().map(|row| row.verdict.clone()).collect();
    let reject = Verdict::Reject("no reason".into());
    assert_eq!(
        told,
        [
            Verdict::Keep,
            Verdict::Drop,
            reject,
            Verdict::Drop,
            Verdict::Keep
        ]
    );
    assert_eq!(
        (rows[0].route.as_str(), rows[4].route.as_str()),
        ("shop.rest", "shop.b")
    );
}

#[test]
fn a_key_is_made_in_both_images_with_all_that_it_is_made_of() {
    sketch!(
        Key,
        |plan| {
            plan.read("a")?;
            let id = plan.replace("id")?;
            plan.set_type(id, Form::Texts, "text");
            Ok(())
        },
        |rows| {
            rows.each_image(|row| {
                let id = row.int("id").map(|id| id.to_string()).unwrap_or_default();
                row.set("id", &format!("{id}{}", row.text("a").unwrap_or_default()));
                Ok(())
            })
        }
    );
    let mut tester = Tester::<Sketched<Key>>::new("{}").unwrap();
    let plan = tester.plan(&table()).unwrap();
    assert_eq!(plan[0], "id text not null computed");
    assert!(plan.contains(&"key id".to_owned()), "{plan:?}");
    let update = Change::update([("id", 1.into()), ("a", "x".into())], [("a", "y".into())]);
    let rows = tester.run(&[update]).unwrap();
    assert_eq!(
        (rows[0].before("id"), rows[0].after("id")),
        (&"1x".into(), &"1y".into())
    );
}

#[test]
fn only_the_wanted_operations_are_handed_over() {
    sketch!(
        Deletes,
        |plan| {
            plan.only(Ops::of(&[Op::Delete]), Others::Pass);
            Ok(())
        },
        |rows| {
            rows.each(|row| {
                assert_eq!(row.op(), Op::Delete);
                row.drop_row();
                Ok(())
            })
        }
    );
    let rows = run::<Deletes>(&[insert("a".into()), Change::delete([("id", 1.into())])]).unwrap();
    assert_eq!(
        (&rows[0].verdict, &rows[1].verdict),
        (&Verdict::Keep, &Verdict::Drop)
    );
}

#[test]
fn enums_and_sets_are_written_by_their_labels() {
    sketch!(
        Labels,
        |plan| {
            plan.replace("e")?;
            plan.replace("s").map(drop)
        },
        |rows| {
            rows.each_image(|row| {
                if row.label("e") == Some("x") {
                    row.set("e", "y");
                    row.set("s", "q,p");
                }
                Ok(())
            })
        }
    );
    let rows = run::<Labels>(&[Change::insert([("e", "x".into()), ("s", "p".into())])]).unwrap();
    assert_eq!(
        (rows[0].after("e"), rows[0].after("s")),
        (&"y".into(), &"p,q".into())
    );
}

#[test]
fn errors_name_the_row_and_the_column() {
    sketch!(Failing, |plan| plan.replace("a").map(drop), |rows| {
        rows.each_image(|row| {
            if row.is_null("a") {
                return Err(Error::data("no value"));
            }
            Ok(())
        })
    });
    let error = run::<Failing>(&[insert("a".into()), insert(Datum::Null)]).unwrap_err();
    assert_eq!(error.row, Some(1));
    sketch!(Wrong, |plan| plan.replace("d").map(drop), |rows| {
        rows.each_image(|row| {
            row.set("d", "text");
            Ok(())
        })
    });
    let error = run::<Wrong>(&[Change::insert([("d", "2024-01-01".into())])]).unwrap_err();
    assert_eq!(
        error.message,
        "the transform gives text that does not fit `d`, which holds dates"
    );
    let told = Tester::<Sketched<Wrong>>::new("7")
        .err()
        .map(|error| error.message);
    assert!(told.is_some_and(|told| told.starts_with("the configuration of `sketch`: invalid")));
}

#[test]
#[should_panic(expected = "the plan reads no column `d`")]
fn a_column_that_is_not_read_is_a_fault() {
    sketch!(Blind, |plan| plan.read("a").map(drop), |rows| {
        rows.each(|row| {
            row.get("d");
            Ok(())
        })
    });
    let _ = run::<Blind>(&[insert(Datum::Null)]);
}

#[test]
#[should_panic(expected = "`a`, row 0: does not fit varchar(10)")]
fn a_value_that_does_not_fit_is_found_in_the_test_already() {
    sketch!(Long, |plan| plan.replace("a").map(drop), |rows| {
        rows.map_text("a", |text, out| {
            out.push_str(text);
            out.push_str("and much more");
        })
    });
    let _ = run::<Long>(&[insert("a".into())]);
}

#[test]
fn the_host_logs_and_counts() {
    host::log(Level::Info, "planned");
    host::count("seen", 2);
    host::count("seen", 3);
    assert_eq!(testing::host::take_log(), ["info: planned"]);
    assert_eq!(testing::host::counter("seen"), 5);
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let table = table().table(1);
    let mut plan = Planner::new(&table);
    plan.replace("a").unwrap();
    assert!(plan.replace("A").is_err());
    assert!(plan.drop_column("a").is_err());
    assert!(plan.add("D", Form::Ints, "int").is_err());
    assert!(plan.rename("d", "e").is_err());
    plan.rename("d", "D").unwrap();
    plan.drop_column("id").unwrap();
    assert!(plan.apply(()).is_err(), "the key is gone");
    let mut plan = Planner::new(&table);
    plan.key(["nowhere"]);
    assert!(plan.apply(()).is_err());
}
