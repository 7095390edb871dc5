//! For unit tests of functions, natively: columns from values, and what a function emitted or built. The arena is never
//! reset here, so that a column lives as long as the test.

use crate::abi::ArrowArray;
use crate::build::Build;
use crate::column::Column;
use crate::group::Group;
use crate::kind::Kind;
use crate::nested::{Entries, Items};
use crate::put::Put;
use crate::rows::{Emit, Outputs};

/// A value that outlives its column, so that a test can compare it.
pub trait Owned {
    type Owned;
    fn owned(self) -> Self::Owned;
}

macro_rules! owned {
    ($($native:ty),+) => {$(
        impl Owned for $native {
            type Owned = $native;

            fn owned(self) -> $native {
                self
            }
        }
    )+};
}

owned!(bool, i8, i16, i32, i64, i128, f32, f64);

impl Owned for &str {
    type Owned = String;

    fn owned(self) -> String {
        self.into()
    }
}

impl Owned for &[u8] {
    type Owned = Vec<u8>;

    fn owned(self) -> Vec<u8> {
        self.into()
    }
}

impl<'a, K: Kind<Value<'a>: Owned>> Owned for Items<'a, K> {
    type Owned = Vec<Option<<K::Value<'a> as Owned>::Owned>>;

    fn owned(self) -> Self::Owned {
        self.iter().map(|item| item.map(Owned::owned)).collect()
    }
}

impl<'a, K: Kind<Value<'a>: Owned>, V: Kind<Value<'a>: Owned>> Owned for Entries<'a, K, V> {
    type Owned = Vec<(<K::Value<'a> as Owned>::Owned, Option<<V::Value<'a> as Owned>::Owned>)>;

    fn owned(self) -> Self::Owned {
        self.iter().map(|(key, value)| (key.owned(), value.map(Owned::owned))).collect()
    }
}

/// A column of `values`, in memory that is never given back.
pub fn column<K: Kind>(values: impl IntoIterator<Item = impl Put<K>>) -> Column<'static, K> {
    let mut builder = K::Builder::with_rows(0);
    for value in values {
        // A refused value is a null row, as in a module.
        if value.put(&mut builder).is_err() {
            continue;
        }
    }
    view(builder)
}

/// The values that `build` put into a column.
pub fn built<K: Kind>(build: impl FnOnce(&mut K::Builder)) -> Vec<Option<<K::Value<'static> as Owned>::Owned>>
where
    K::Value<'static>: Owned,
{
    let mut builder = K::Builder::with_rows(0);
    build(&mut builder);
    view::<K>(builder).iter().map(|value| value.map(Owned::owned)).collect()
}

/// The values that `run` emitted for one input row; none of them may be null.
#[allow(clippy::expect_used, reason = "for tests, which end where something unexpected happens")]
pub fn emitted<K: Kind>(run: impl FnOnce(&mut Emit<K>)) -> Vec<<K::Value<'static> as Owned>::Owned>
where
    K::Value<'static>: Owned,
{
    let mut out = Emit::<K>::new(1);
    run(&mut out);
    let values = view::<K>(out.into_builders()).iter();
    values.map(|value| value.map(Owned::owned).expect("a value that is not null")).collect()
}

/// The rows that `run` emitted for one input row: an `Option` each, or a tuple of them where there are several columns.
pub fn rows<O: Rows>(run: impl FnOnce(&mut Emit<O>)) -> Vec<O::Row> {
    let mut out = Emit::<O>::new(1);
    run(&mut out);
    O::rows_of(out.into_builders())
}

/// The rows that a group function gave so far, likewise; the group goes on without them.
pub fn given<O: Rows>(group: &mut Group<O>) -> Vec<O::Row> {
    O::rows_of(group.take_builders())
}

/// Output columns of which a test can see the rows.
pub trait Rows: Outputs {
    type Row;
    fn rows_of(builders: Self::Builders) -> Vec<Self::Row>;
}

impl<K: Kind> Rows for K
where
    K::Value<'static>: Owned,
{
    type Row = Option<<K::Value<'static> as Owned>::Owned>;

    fn rows_of(builder: K::Builder) -> Vec<Self::Row> {
        view::<K>(builder).iter().map(|value| value.map(Owned::owned)).collect()
    }
}

macro_rules! tuples {
    ($(($($kind:ident $index:tt),+))+) => {$(
        impl<$($kind: Kind),+> Rows for ($($kind,)+)
        where
            $($kind::Value<'static>: Owned),+
        {
            type Row = ($(Option<<$kind::Value<'static> as Owned>::Owned>,)+);

            fn rows_of(builders: Self::Builders) -> Vec<Self::Row> {
                let count = builders.0.rows();
                let columns = ($(view::<$kind>(builders.$index),)+);
                (0..count).map(|row| ($(columns.$index.get(row).map(Owned::owned),)+)).collect()
            }
        }
    )+};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

fn view<K: Kind>(builder: K::Builder) -> Column<'static, K> {
    let array: &'static ArrowArray = Box::leak(Box::new(builder.finish()));
    // SAFETY: the builder of a kind makes arrays of this kind.
    unsafe { Column::from_array(array) }
}
