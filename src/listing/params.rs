//! The methods for query parameters that the typed requests have.

/// Writes a method for each parameter on each of the requests, whose endpoint has a field `query`. An entry is the kind
/// of parameter, the method, the name in the query, and in parentheses the argument of the method. `text`, `flag` and
/// `value` are for all providers; another kind is a function in the `query` module of the provider.
macro_rules! params {
    ($($(#[$on_request:meta])* $request:ident)+ => $methods:tt) => {
        $(params!(@one [$(#[$on_request])*] $request $methods);)+
    };
    (@one [$($on_request:tt)*] $request:ident { $($(#[$doc:meta])* $kind:ident $method:ident $name:literal $(($($rest:tt)*))?;)* }) => {
        $($on_request)*
        impl $request {
            $(params!(@method [$(#[$doc])*] $kind $method $name $($($rest)*)?);)*
        }
    };
    (@method [$($doc:tt)*] text $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self, text: &str) -> Self {
            self.with(|endpoint| endpoint.query.text($name, text))
        }
    };
    (@method [$($doc:tt)*] flag $method:ident $name:literal) => {
        $($doc)*
        pub fn $method(self) -> Self {
            self.with(|endpoint| endpoint.query.set($name, true))
        }
    };
    (@method [$($doc:tt)*] value $method:ident $name:literal $argument:ident: $kind:ty) => {
        $($doc)*
        pub fn $method(self, $argument: $kind) -> Self {
            self.with(|endpoint| endpoint.query.set($name, $argument))
        }
    };
    (@method [$($doc:tt)*] $function:ident $method:ident $name:literal $argument:ident: $kind:ty $(, $fixed:expr)*) => {
        $($doc)*
        pub fn $method(self, $argument: $kind) -> Self {
            self.with(|endpoint| query::$function(&mut endpoint.query, $name, $argument $(, $fixed)*))
        }
    };
}
pub(crate) use params;
