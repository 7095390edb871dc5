//! Columns made of columns: ARRAY, MAP, and records, which `record!` names. Their values are views; nothing is copied.

use core::fmt::{Debug, Formatter};
use core::marker::PhantomData;
use std::collections::BTreeMap;

use crate::abi::ArrowArray;
use crate::buffer::Buffer;
pub use crate::buffer::Validity;
use crate::build::Build;
use crate::column::Column;
use crate::const_text::ConstText;
use crate::kind::{Kind, Nested};
use crate::manifest::ColumnSpec;
use crate::put::{Put, Refused};

/// What the name of a nested type may take.
const NAME_BYTES: usize = 1024;

/// The name of a nested type.
pub type SqlText = ConstText<NAME_BYTES>;

/// An array of `K`; its items may be null.
pub struct ARRAY<K>(PhantomData<K>);

/// A map from `K` to `V`; a key is never null, a value may be.
pub struct MAP<K, V>(PhantomData<(K, V)>);

impl<K: Kind> ARRAY<K> {
    const SQL_TEXT: SqlText = ConstText::new("ARRAY<").text(K::SQL).text(">");
}

impl<K: Kind, V: Kind> MAP<K, V> {
    const SQL_TEXT: SqlText = ConstText::new("MAP<").text(K::SQL).text(", ").text(V::SQL).text(">");
    const ENTRY: &'static [ColumnSpec] = &[ColumnSpec::of::<K>("key"), ColumnSpec::of::<V>("value")];
}

impl<K: Kind> Kind for ARRAY<K> {
    type Value<'a> = Items<'a, K>;
    type Builder = ItemsBuilder<K>;
    const SQL: &'static str = Self::SQL_TEXT.as_str();
    const FORMAT: &'static str = "+l\0";
    const CHILDREN: &'static [ColumnSpec] = &[ColumnSpec::of::<K>("element")];

    #[inline(always)]
    unsafe fn value<'a>(column: &Column<'a, Self>, row: usize) -> Items<'a, K> {
        let (start, end) = column.items(row);
        // SAFETY: the child of an array is a column of its items.
        Items { column: unsafe { column.child(0) }, start, end }
    }
}

impl<K: Kind> Nested for ARRAY<K> {}

impl<K: Kind, V: Kind> Kind for MAP<K, V> {
    type Value<'a> = Entries<'a, K, V>;
    type Builder = EntriesBuilder<K, V>;
    const SQL: &'static str = Self::SQL_TEXT.as_str();
    const FORMAT: &'static str = "+m\0";
    const CHILDREN: &'static [ColumnSpec] =
        &[ColumnSpec { name: "entries", sql: "", format: "+s\0", children: Self::ENTRY }];

    #[inline(always)]
    unsafe fn value<'a>(column: &Column<'a, Self>, row: usize) -> Entries<'a, K, V> {
        let (start, end) = column.items(row);
        // SAFETY: the child of a map is a struct of its keys and its values.
        unsafe {
            let entries = column.child_array(0);
            let keys = Column::from_array(&**entries.children);
            let values = Column::from_array(&**entries.children.add(1));
            Entries { keys, values, start, end }
        }
    }
}

impl<K: Kind, V: Kind> Nested for MAP<K, V> {}

/// The items of an array.
pub struct Items<'a, K: Kind> {
    column: Column<'a, K>,
    start: usize,
    end: usize,
}

impl<K: Kind> Clone for Items<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Items<'_, K> {}

impl<'a, K: Kind> Items<'a, K> {
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Item `index`, which must be there; none if it is null.
    #[inline(always)]
    pub fn get(&self, index: usize) -> Option<K::Value<'a>> {
        assert!(index < self.len());
        self.column.get(self.start + index)
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<K::Value<'a>>> + use<'a, K> {
        let (column, start, end) = (self.column, self.start, self.end);
        (start..end).map(move |row| column.get(row))
    }
}

impl<K: Kind> Debug for Items<'_, K> {
    fn fmt(&self, to: &mut Formatter<'_>) -> core::fmt::Result {
        to.debug_list().entries(self.iter()).finish()
    }
}

impl<K: Kind> PartialEq for Items<'_, K> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The entries of a map, in their order.
pub struct Entries<'a, K: Kind, V: Kind> {
    keys: Column<'a, K>,
    values: Column<'a, V>,
    start: usize,
    end: usize,
}

impl<K: Kind, V: Kind> Clone for Entries<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind, V: Kind> Copy for Entries<'_, K, V> {}

impl<'a, K: Kind, V: Kind> Entries<'a, K, V> {
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The value of the first entry with this key; the inner option is for a value that is null.
    pub fn get(&self, key: K::Value<'_>) -> Option<Option<V::Value<'a>>>
    where
        K::Value<'a>: for<'b> PartialEq<K::Value<'b>>,
    {
        self.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (K::Value<'a>, Option<V::Value<'a>>)> + use<'a, K, V> {
        let (keys, values) = (self.keys, self.values);
        (self.start..self.end).filter_map(move |row| Some((keys.get(row)?, values.get(row))))
    }
}

impl<K: Kind, V: Kind> Debug for Entries<'_, K, V> {
    fn fmt(&self, to: &mut Formatter<'_>) -> core::fmt::Result {
        to.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Kind, V: Kind> PartialEq for Entries<'_, K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// A column of arrays.
pub struct ItemsBuilder<K: Kind> {
    /// One more than rows.
    offsets: Buffer<i32>,
    items: K::Builder,
    validity: Validity,
}

impl<K: Kind> ItemsBuilder<K> {
    /// Appends a row of what `fill` puts into the builder of the items.
    #[inline(always)]
    pub fn push_with<R>(&mut self, fill: impl FnOnce(&mut K::Builder) -> R) -> R {
        self.validity.push_valid(self.offsets.len() - 1);
        let filled = fill(&mut self.items);
        self.offsets.push(self.items.rows() as i32);
        filled
    }

    /// Appends a row of these items. One that is refused is null, and the first refusal is the answer.
    #[inline(always)]
    pub fn push<V: Put<K>>(&mut self, items: impl IntoIterator<Item = V>) -> Result<(), Refused> {
        self.push_with(|builder| {
            let mut refused = Ok(());
            for item in items {
                let put = item.put(builder);
                refused = refused.and(put);
            }
            refused
        })
    }
}

impl<K: Kind> Build for ItemsBuilder<K> {
    fn with_rows(rows: usize) -> Self {
        let mut offsets = Buffer::with_capacity(rows + 1);
        offsets.push(0);
        ItemsBuilder { offsets, items: K::Builder::with_rows(rows), validity: Validity::default() }
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.rows());
        self.offsets.push(self.items.rows() as i32);
    }

    fn finish(self) -> ArrowArray {
        let buffers = [self.validity.as_ptr(), self.offsets.as_ptr()];
        ArrowArray::of_buffers(self.rows(), self.validity.nulls(), &buffers)
            .with_children([self.items.finish()])
    }
}

/// A column of maps.
pub struct EntriesBuilder<K: Kind, V: Kind> {
    /// One more than rows.
    offsets: Buffer<i32>,
    keys: K::Builder,
    values: V::Builder,
    validity: Validity,
}

impl<K: Kind, V: Kind> EntriesBuilder<K, V> {
    /// Appends a row of these entries, whose keys are not null and all different. A value that is refused is null,
    /// and the first refusal is the answer.
    pub fn push<A: Put<K>, B: Put<V>>(
        &mut self,
        entries: impl IntoIterator<Item = (A, B)>,
    ) -> Result<(), Refused> {
        self.validity.push_valid(self.rows());
        let mut refused = Ok(());
        for (key, value) in entries {
            let put = key.put(&mut self.keys);
            refused = refused.and(put);
            let put = value.put(&mut self.values);
            refused = refused.and(put);
        }
        self.offsets.push(self.keys.rows() as i32);
        refused
    }
}

impl<K: Kind, V: Kind> Build for EntriesBuilder<K, V> {
    fn with_rows(rows: usize) -> Self {
        let mut offsets = Buffer::with_capacity(rows + 1);
        offsets.push(0);
        let (keys, values) = (K::Builder::with_rows(rows), V::Builder::with_rows(rows));
        EntriesBuilder { offsets, keys, values, validity: Validity::default() }
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push_null(&mut self) {
        self.validity.push_null(self.rows());
        self.offsets.push(self.keys.rows() as i32);
    }

    fn finish(self) -> ArrowArray {
        let buffers = [self.validity.as_ptr(), self.offsets.as_ptr()];
        let entries = ArrowArray::of_buffers(self.keys.rows(), 0, &[core::ptr::null()])
            .with_children([self.keys.finish(), self.values.finish()]);
        ArrowArray::of_buffers(self.offsets.len() - 1, self.validity.nulls(), &buffers)
            .with_children([entries])
    }
}

impl<K: Kind, V: Put<K>> Put<ARRAY<K>> for Vec<V> {
    fn put(self, builder: &mut ItemsBuilder<K>) -> Result<(), Refused> {
        builder.push(self)
    }
}

impl<K: Kind, V: Put<K> + Clone> Put<ARRAY<K>> for &[V] {
    fn put(self, builder: &mut ItemsBuilder<K>) -> Result<(), Refused> {
        builder.push(self.iter().cloned())
    }
}

impl<'a, K: Kind<Value<'a>: Put<K>>> Put<ARRAY<K>> for Items<'a, K> {
    fn put(self, builder: &mut ItemsBuilder<K>) -> Result<(), Refused> {
        builder.push(self.iter())
    }
}

impl<K: Kind, V: Kind, A: Put<K>, B: Put<V>> Put<MAP<K, V>> for Vec<(A, B)> {
    fn put(self, builder: &mut EntriesBuilder<K, V>) -> Result<(), Refused> {
        builder.push(self)
    }
}

impl<K: Kind, V: Kind, A: Put<K>, B: Put<V>> Put<MAP<K, V>> for BTreeMap<A, B> {
    fn put(self, builder: &mut EntriesBuilder<K, V>) -> Result<(), Refused> {
        builder.push(self)
    }
}

impl<'a, K: Kind<Value<'a>: Put<K>>, V: Kind<Value<'a>: Put<V>>> Put<MAP<K, V>> for Entries<'a, K, V> {
    fn put(self, builder: &mut EntriesBuilder<K, V>) -> Result<(), Refused> {
        builder.push(self.iter())
    }
}

/// The name of a STRUCT of these fields.
pub const fn struct_name(fields: &[ColumnSpec]) -> SqlText {
    let mut text = ConstText::new("STRUCT<");
    let mut index = 0;
    while index < fields.len() {
        if index > 0 {
            text = text.text(", ");
        }
        text = text.text(fields[index].name).text(": ").text(fields[index].sql);
        index += 1;
    }
    text.text(">")
}

/// A column of structs.
pub fn struct_array<const N: usize>(rows: usize, validity: &Validity, fields: [ArrowArray; N]) -> ArrowArray {
    ArrowArray::of_buffers(rows, validity.nulls(), &[validity.as_ptr()]).with_children(fields)
}
