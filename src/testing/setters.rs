//! The builder methods that only store their argument.

/// Writes methods of a builder that store their argument in a field: `name(type) => field;`, or `=> field.field;`.
macro_rules! setters {
    ($builder:ident { $($(#[$doc:meta])* $name:ident($kind:ty) => $($field:ident).+;)* }) => {
        impl $builder {$(
            $(#[$doc])*
            pub fn $name(mut self, $name: $kind) -> Self {
                self.$($field).+ = $name;
                self
            }
        )*}
    };
}

pub(crate) use setters;
