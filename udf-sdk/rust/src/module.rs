//! `module!`: one line a function makes the manifest, the exports and the loop over the rows.

/// Declares the functions of a module. Each line is a shape, a name, its input columns and its output columns:
///
/// | shape | function |
/// |---|---|
/// | `map` | `fn(Option<value>, …) -> row`: one output row for each input row |
/// | `flat_map` | `fn(Option<value>, …, &mut Emit<…>)`: any number of output rows, each knows its origin |
/// | `batch` | `fn(Column<…>, …, &mut Builder<…>, …)`: whole columns, one output row for each input row |
///
/// A row of several columns is a tuple: `Emit<(STRING, INT)>`, `-> (Option<String>, i32)`.
#[macro_export]
macro_rules! module {
    ($(
        $shape:ident $name:ident ( $($input:ident : $input_kind:ty),* $(,)? )
            -> ( $($output:ident : $output_kind:ty),* $(,)? );
    )+) => {
        const _: () = {
            const FUNCTIONS: &[$crate::manifest::Function] = &[$(
                $crate::manifest::Function {
                    name: stringify!($name),
                    inputs: &[$($crate::module!(@column $input $input_kind)),*],
                    outputs: &[$($crate::module!(@column $output $output_kind)),*],
                    origin: $crate::module!(@origin $shape),
                    run: |batch, result| {
                        $crate::module!(@run $shape batch result $name
                            ($($input $input_kind,)*) ($($output $output_kind,)*))
                    },
                }
            ),+];

            const MANIFEST: $crate::manifest::Manifest<{ $crate::manifest::manifest::<0>(FUNCTIONS).len }> =
                $crate::manifest::manifest(FUNCTIONS);

            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "wasmill.manifest")]
            static SECTION: [u8; MANIFEST.bytes.len()] = MANIFEST.bytes;

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_arena_alloc")]
            extern "C" fn arena_alloc(bytes: usize, align: usize) -> *mut u8 {
                $crate::arena::alloc(bytes, align)
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_arena_reset")]
            extern "C" fn arena_reset() {
                $crate::arena::reset();
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_open")]
            unsafe extern "C" fn open(
                function: u32,
                inputs: &$crate::abi::ArrowSchema,
                outputs: &mut $crate::abi::ArrowSchema,
                result: &mut $crate::abi::TransformResult,
            ) -> i32 {
                // SAFETY: the host passes structs as the ABI describes them.
                unsafe { $crate::entry::open(FUNCTIONS, function, inputs, outputs, result) }
            }

            #[cfg(target_arch = "wasm32")]
            #[unsafe(export_name = "wasmill_process")]
            unsafe extern "C" fn process(
                function: u32,
                batch: &$crate::abi::ArrowArray,
                result: &mut $crate::abi::TransformResult,
            ) -> i32 {
                // SAFETY: the host passes structs as the ABI describes them.
                unsafe { $crate::entry::process(FUNCTIONS, function, batch, result) }
            }

            // Natively nothing calls the functions but unit tests; this keeps the manifest checked all the same.
            #[cfg(not(target_arch = "wasm32"))]
            const _: () = assert!(MANIFEST.len == MANIFEST.bytes.len());
        };
    };

    (@column $name:ident $kind:ty) => {
        $crate::manifest::ColumnSpec {
            name: stringify!($name),
            sql: <$kind as $crate::Kind>::SQL,
            format: <$kind as $crate::Kind>::FORMAT,
        }
    };

    (@origin map) => { false };
    (@origin flat_map) => { true };
    (@origin batch) => { false };

    // The row type of the output columns.
    (@row) => { () };
    (@row $kind:ty) => { $kind };
    (@row $($kind:ty),+) => { ($($kind,)+) };

    // Binds the input columns, in order.
    (@bind $batch:ident $($name:ident $kind:ty,)*) => {
        #[allow(unused_mut, unused_variables, reason = "a function may have no input")]
        let mut children = $batch.children;
        $(
            // SAFETY: the batch has a child of this kind for each input column.
            let $name = unsafe { $crate::Column::<$kind>::from_array(&**children) };
            #[allow(unused_assignments, unused_unsafe, reason = "the last step leads nowhere")]
            // SAFETY: as above; one past the last is not read.
            { children = unsafe { children.add(1) }; }
        )*
    };

    (@run map $batch:ident $result:ident $name:ident ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*)) => {{
        $crate::module!(@bind $batch $($in $in_kind,)*);
        let rows = $batch.length as usize;
        let mut out = $crate::rows::Map::<$crate::module!(@row $($out_kind),*)>::new(rows);
        for row in 0..rows {
            out.put(row, $name($($in.get(row)),*));
        }
        out.finish($result);
        $crate::abi::OK
    }};

    (@run flat_map $batch:ident $result:ident $name:ident
        ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*)) => {{
        $crate::module!(@bind $batch $($in $in_kind,)*);
        let rows = $batch.length as usize;
        let mut out = $crate::Emit::<$crate::module!(@row $($out_kind),*)>::new(rows);
        for row in 0..rows {
            out.start_row(row);
            $name($($in.get(row),)* &mut out);
        }
        out.finish($result);
        $crate::abi::OK
    }};

    (@run batch $batch:ident $result:ident $name:ident
        ($($in:ident $in_kind:ty,)*) ($($out:ident $out_kind:ty,)*)) => {{
        $crate::module!(@bind $batch $($in $in_kind,)*);
        let rows = $batch.length as usize;
        $crate::module!(@batch $result rows $name ($($in)*) ($($out $out_kind,)*))
    }};

    (@batch $result:ident $rows:ident $name:ident ($($in:ident)*) ($($out:ident $out_kind:ty,)*)) => {{
        // A function may use one name for an input and an output, so the call is made where both are in reach.
        $crate::module!(@call $result $rows $name ($($in,)*) () $(($out $out_kind))*)
    }};

    // Gives each output column a builder of its own: a fresh one at every turn, kept apart by hygiene.
    (@call $result:ident $rows:ident $name:ident ($($in:ident,)*) ($($builder:ident,)*)
        ($out:ident $out_kind:ty) $($more:tt)*) => {{
        let mut builder = <$crate::Builder<$out_kind> as $crate::Build>::with_rows($rows);
        $crate::module!(@call $result $rows $name ($($in,)*) ($($builder,)* builder,) $($more)*)
    }};
    (@call $result:ident $rows:ident $name:ident ($($in:ident,)*) ($($builder:ident,)*)) => {{
        let status = $crate::entry::Status::finish($name($($in,)* $(&mut $builder),*), $result);
        if status == $crate::abi::OK {
            $crate::rows::finish_columns(vec![$($crate::Build::finish($builder)),*], $result);
        }
        status
    }};
}
