//! `record!`: a STRUCT of SQL as a struct of Rust.

/// Names a STRUCT: its kind, for the lines of [`module!`](crate::module), and the struct that a function gets and
/// gives. Every field may be null.
///
/// ```
/// use wasmill_udf::*;
///
/// record! { POINT as Point { x: DOUBLE, y: DOUBLE } }
///
/// module! {
///     map moved(point: POINT) -> (point: POINT);
///     map center(points: ARRAY<POINT>) -> (point: POINT);
/// }
///
/// fn moved(point: Option<Point>) -> Option<Point> {
///     point.map(|point| Point { x: point.x.map(|x| x + 1.0), ..point })
/// }
///
/// // A tuple of what the columns take will do too: here it is numbers, for a STRING it could be a `String`.
/// fn center(points: Option<Items<POINT>>) -> Option<(f64, f64)> {
///     let points: Vec<_> = points?.iter().flatten().collect();
///     let mean = |of: fn(&Point) -> Option<f64>| points.iter().filter_map(of).sum::<f64>() / points.len() as f64;
///     Some((mean(|point| point.x), mean(|point| point.y)))
/// }
/// ```
#[macro_export]
macro_rules! record {
    ($($(#[$doc:meta])* $visible:vis $kind:ident as $name:ident { $($field:ident : $field_kind:ty),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as SQL's own types are")]
        $visible struct $kind;

        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        $visible struct $name<'a> {
            $(pub $field: Option<<$field_kind as $crate::Kind>::Value<'a>>),+
        }

        const _: () = {
            const SQL_TEXT: $crate::nested::SqlText = $crate::nested::struct_name(CHILDREN);
            const CHILDREN: &[$crate::manifest::ColumnSpec] =
                &[$($crate::manifest::ColumnSpec::of::<$field_kind>(stringify!($field))),+];

            impl $crate::Kind for $kind {
                type Value<'a> = $name<'a>;
                type Builder = Record;
                const SQL: &'static str = SQL_TEXT.as_str();
                const FORMAT: &'static str = "+s\0";
                const CHILDREN: &'static [$crate::manifest::ColumnSpec] = CHILDREN;

                #[inline(always)]
                unsafe fn value<'a>(column: &$crate::Column<'a, $kind>, row: usize) -> $name<'a> {
                    let mut child = 0..;
                    // SAFETY: a struct has a child of this kind for each field.
                    $(let $field = unsafe { column.child::<$field_kind>(child.next().unwrap_or(0)) }.get(row);)+
                    $name { $($field),+ }
                }
            }

            impl $crate::Nested for $kind {}

            pub struct Record {
                rows: usize,
                validity: $crate::nested::Validity,
                $($field: $crate::Builder<$field_kind>),+
            }

            impl $crate::Build for Record {
                fn with_rows(rows: usize) -> Self {
                    Record {
                        rows: 0,
                        validity: $crate::nested::Validity::default(),
                        $($field: <$crate::Builder<$field_kind> as $crate::Build>::with_rows(rows)),+
                    }
                }

                fn rows(&self) -> usize {
                    self.rows
                }

                fn push_null(&mut self) {
                    self.validity.push_null(self.rows);
                    self.rows += 1;
                    $($crate::Build::push_null(&mut self.$field);)+
                }

                fn finish(self) -> $crate::abi::ArrowArray {
                    let fields = [$($crate::Build::finish(self.$field)),+];
                    $crate::nested::struct_array(self.rows, &self.validity, fields)
                }
            }

            impl $crate::Put<$kind> for $name<'_> {
                fn put(self, builder: &mut Record) -> Result<(), String> {
                    $crate::Put::<$kind>::put(($(self.$field,)+), builder)
                }
            }

            $crate::record!(@tuple $kind ($($field $field_kind,)+));

            impl<'a> $crate::testing::Owned for $name<'a> {
                type Owned = ($(Option<<<$field_kind as $crate::Kind>::Value<'a> as $crate::testing::Owned>::Owned>,)+);

                fn owned(self) -> Self::Owned {
                    ($(self.$field.map($crate::testing::Owned::owned),)+)
                }
            }
        };
    )+};

    // A tuple with a value for each field; the field's name serves for its type, too.
    (@tuple $kind:ident ($($field:ident $field_kind:ty,)+)) => {
        #[allow(non_camel_case_types, reason = "a type parameter for each field, under its name")]
        impl<$($field: $crate::Put<$field_kind>),+> $crate::Put<$kind> for ($($field,)+) {
            fn put(self, builder: &mut Record) -> Result<(), String> {
                let ($($field,)+) = self;
                builder.validity.push_valid(builder.rows);
                builder.rows += 1;
                let mut refused = Ok(());
                $(
                    let put = $crate::Put::<$field_kind>::put($field, &mut builder.$field);
                    refused = refused.and(put);
                )+
                refused
            }
        }
    };
}
