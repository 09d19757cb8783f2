//! The methods of builders that only store their argument.

/// Writes methods of a builder, one for each line `name(argument: type) => field = value;`.
macro_rules! setters {
    ([$($generic:tt)*] $builder:ty {
        $($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) => $($field:ident).+ = $value:expr;)*
    }) => {
        impl<$($generic)*> $builder {$(
            $(#[$doc])*
            pub fn $name(mut self $(, $argument: $kind)*) -> Self {
                self.$($field).+ = $value;
                self
            }
        )*}
    };
    ($builder:ident $methods:tt) => { $crate::client::setters! { [] $builder $methods } };
}
pub(crate) use setters;
