//! The rows of the shop, generated: the same for the same size, on every machine.

use anyhow::Result;
use mysql_async::{Conn, prelude::Queryable};

use super::sql;
use crate::random::Random;

/// Rows per INSERT statement.
const ROWS_PER_STATEMENT: usize = 500;

/// How large a shop is; the other tables follow from these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Rows of `customers`.
    pub(crate) customers: u64,
    /// Rows of `orders`; lines are about two and a half times as many, payments a little fewer.
    pub(crate) orders: u64,
}

impl Size {
    /// About 50,000 rows in all.
    pub(crate) const DEMO: Size = Size {
        customers: 4_000,
        orders: 10_000,
    };

    /// About 2,500 rows in all: for tests that copy often.
    pub(crate) const SMALL: Size = Size {
        customers: 200,
        orders: 500,
    };

    /// Rows of `products`.
    pub(crate) fn products(self) -> u64 {
        self.customers / 4 + 10
    }
}

const GIVEN_NAMES: &[&str] = &[
    "Ada",
    "José",
    "Zoë",
    "Søren",
    "Łukasz",
    "Мария",
    "太郎",
    "Fatima",
    "O'Neil",
    "Renée",
];
const FAMILY_NAMES: &[&str] = &[
    "Müller",
    "García",
    "Ångström",
    "Nguyễn",
    "D'Arcy",
    "Иванова",
    "山田",
    "Smith",
    "Back\\slash",
];
/// Every character of these is in latin1.
const SHORT_NAMES: &[&str] = &[
    "Zoé", "Jürgen", "Ñandú", "Çelik", "plain", "½ price", "naïve", "",
];
const ADJECTIVES: &[&str] = &[
    "small",
    "quiet",
    "green",
    "folding",
    "heavy",
    "left-handed",
    "smart 🧠",
];
const THINGS: &[&str] = &[
    "kettle",
    "lamp",
    "notebook",
    "ladder",
    "teapot ☕",
    "spade",
    "drum",
];
const STATUSES: &[&str] = &["new", "active", "active", "active", "on hold", "left"];
const INTERESTS: &[&str] = &[
    "",
    "books",
    "music,garden",
    "kitchen",
    "books,music,garden,kitchen,toys",
    "toys",
];
const STATES: &[&str] = &["open", "paid", "shipped", "shipped", "returned"];
const METHODS: &[&str] = &["card", "transfer", "cash"];
const NOTES: &[&str] = &[
    "leave at the door",
    "tabs\tand\nlines",
    "quote \" and ' and \\",
    "NULL",
    "",
    "émoji 🎁 inside",
];

/// Fills all tables; returns the number of rows.
pub(super) async fn insert_all(connection: &mut Conn, size: Size) -> Result<u64> {
    let mut random = Random::new(20_240_229);
    let mut rows = 0;
    for (table, columns, generated) in [
        (
            "customers",
            CUSTOMER_COLUMNS,
            all(size.customers, |id| customer(&mut random, id)),
        ),
        (
            "products",
            PRODUCT_COLUMNS,
            all(size.products(), |id| product(&mut random, id)),
        ),
        (
            "orders",
            ORDER_COLUMNS,
            all(size.orders, |id| order(&mut random, id, size)),
        ),
        ("order_lines", LINE_COLUMNS, lines(&mut random, size)),
        ("payments", PAYMENT_COLUMNS, payments(&mut random, size)),
    ] {
        connection.query_drop("start transaction").await?;
        for some in generated.chunks(ROWS_PER_STATEMENT) {
            let values = some.join(",");
            connection
                .query_drop(format!("insert into {table} ({columns}) values {values}"))
                .await?;
        }
        connection.query_drop("commit").await?;
        rows += generated.len() as u64;
    }
    Ok(rows)
}

fn all(count: u64, row: impl FnMut(u64) -> String) -> Vec<String> {
    (1..=count).map(row).collect()
}

pub(super) const CUSTOMER_COLUMNS: &str = "id, email, full_name, short_name, status, interests, wants_mail, \
     born_on, preferences, credit_limit, loyalty_points, created_at, updated_at";

/// A row of `customers` as a parenthesised list of literals.
pub(super) fn customer(random: &mut Random, id: u64) -> String {
    let name = format!("{} {}", random.pick(GIVEN_NAMES), random.pick(FAMILY_NAMES));
    let born = (!random.once_in(4)).then(|| sql::text(&date(random, 1930, 2005)));
    let preferences = (!random.once_in(3)).then(|| {
        let (size, theme) = (random.between(8, 24), random.pick(ADJECTIVES));
        sql::text(&format!(
            r#"{{"theme": "{theme}", "font": {{"size": {size}, "ratio": {}.5}}, "tags": ["a", null, true]}}"#,
            random.below(3)
        ))
    });
    format!(
        "({id}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
        sql::text(&format!("customer{id}@shop.example")),
        sql::text(&name),
        sql::text(random.pick(SHORT_NAMES)),
        sql::text(random.pick(STATUSES)),
        sql::text(random.pick(INTERESTS)),
        random.below(2),
        sql::nullable(born),
        sql::nullable(preferences),
        sql::money(random.below(1_000_000)),
        random.between(0, 10_000).cast_signed() - 5_000,
        sql::text(&moment(random, 6)),
        sql::text(&moment(random, 6)),
    )
}

const PRODUCT_COLUMNS: &str = "id, sku, name, description, price, weight_kg, rating, in_stock, flags, model_year, \
     picked_from, thumbnail, attributes";

fn product(random: &mut Random, id: u64) -> String {
    let name = format!(
        "{} {} no. {id}",
        random.pick(ADJECTIVES),
        random.pick(THINGS)
    );
    let description = (!random.once_in(5)).then(|| {
        let sentence = format!("A {} {}. ", random.pick(ADJECTIVES), random.pick(THINGS));
        let times = usize::try_from(random.between(1, 12)).unwrap_or(1);
        sql::text(&sentence.repeat(times))
    });
    let weight = (!random.once_in(6)).then(|| format!("{}e-3", random.below(90_000)));
    let rating =
        (!random.once_in(6)).then(|| format!("{}.{}", random.below(5), random.below(1000)));
    let year = (!random.once_in(5)).then(|| random.between(1990, 2026).to_string());
    let from = (!random.once_in(5)).then(|| sql::text(&clock(random)));
    let length = random.between(0, 300);
    let thumbnail = (!random.once_in(3)).then(|| sql::bytes(&random.bytes(length)));
    let attributes = (!random.once_in(3)).then(|| {
        let colour = random.pick(ADJECTIVES);
        sql::text(&format!(
            r#"{{"colour": "{colour}", "sizes": [{}, {}]}}"#,
            id,
            id * 3
        ))
    });
    format!(
        "({id}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
        sql::text(&format!("SKU-{id:08}")),
        sql::text(&name),
        sql::nullable(description),
        sql::money(random.between(99, 250_000)),
        sql::nullable(weight),
        sql::nullable(rating),
        random.below(5_000),
        random.below(256),
        sql::nullable(year),
        sql::nullable(from),
        sql::nullable(thumbnail),
        sql::nullable(attributes),
    )
}

pub(super) const ORDER_COLUMNS: &str = "id, customer_id, placed_at, ship_on, state, note, total";

/// A row of `orders` as a parenthesised list of literals.
pub(super) fn order(random: &mut Random, id: u64, size: Size) -> String {
    let ship = (!random.once_in(3)).then(|| sql::text(&date(random, 2020, 2026)));
    let note = random.once_in(3).then(|| sql::text(random.pick(NOTES)));
    format!(
        "({id}, {}, {}, {}, {}, {}, {})",
        random.between(1, size.customers),
        sql::text(&moment(random, 6)),
        sql::nullable(ship),
        sql::text(random.pick(STATES)),
        sql::nullable(note),
        sql::money(random.below(5_000_000)),
    )
}

pub(super) const LINE_COLUMNS: &str =
    "order_id, line_no, product_id, quantity, unit_price, discount";

/// A row of `order_lines` as a parenthesised list of literals.
pub(super) fn line(random: &mut Random, order: u64, number: u64, size: Size) -> String {
    format!(
        "({order}, {number}, {}, {}, {}, 0.{:04})",
        random.between(1, size.products()),
        random.between(1, 12),
        sql::money(random.between(99, 250_000)),
        if random.once_in(4) {
            random.below(5_000)
        } else {
            0
        },
    )
}

fn lines(random: &mut Random, size: Size) -> Vec<String> {
    let mut rows = Vec::new();
    for order in 1..=size.orders {
        for number in 1..=random.between(1, 4) {
            rows.push(line(random, order, number, size));
        }
    }
    rows
}

pub(super) const PAYMENT_COLUMNS: &str =
    "id, order_id, method, amount, paid_at, reference, receipt";

/// A row of `payments` as a parenthesised list of literals.
pub(super) fn payment(random: &mut Random, order: u64) -> String {
    let reference =
        (!random.once_in(3)).then(|| sql::text(&format!("n° {}", random.below(1_000_000))));
    let length = random.between(0, 40);
    let receipt = random.once_in(2).then(|| sql::bytes(&random.bytes(length)));
    format!(
        "({}, {order}, {}, {}, {}, {}, {})",
        sql::bytes(&random.bytes(16)),
        sql::text(random.pick(METHODS)),
        sql::money(random.below(5_000_000)),
        sql::text(&moment(random, 3)),
        sql::nullable(reference),
        sql::nullable(receipt),
    )
}

fn payments(random: &mut Random, size: Size) -> Vec<String> {
    let mut rows = Vec::new();
    for order in 1..=size.orders {
        if !random.once_in(5) {
            rows.push(payment(random, order));
        }
    }
    rows
}

fn date(random: &mut Random, first_year: u64, last_year: u64) -> String {
    let (year, month, day) = (
        random.between(first_year, last_year),
        random.between(1, 12),
        random.between(1, 28),
    );
    format!("{year:04}-{month:02}-{day:02}")
}

fn clock(random: &mut Random) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        random.below(24),
        random.below(60),
        random.below(60)
    )
}

/// A date and a time with a fraction; never in the hour that daylight saving leaves out.
fn moment(random: &mut Random, digits: u32) -> String {
    let fraction = random.below(10_u64.pow(digits));
    let width = usize::try_from(digits).unwrap_or_default();
    format!(
        "{} {}.{fraction:0width$}",
        date(random, 2020, 2026),
        clock(random)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_shop_has_about_fifty_thousand_rows_and_is_always_the_same() {
        let size = Size::DEMO;
        let make = || {
            let mut random = Random::new(1);
            (lines(&mut random, size), payments(&mut random, size))
        };
        let (lines, payments) = make();
        let rows = size.customers + size.products() + size.orders;
        let rows = rows + lines.len() as u64 + payments.len() as u64;
        assert!((45_000..55_000).contains(&rows), "{rows} rows");
        assert_eq!(make(), (lines, payments));
    }
}
