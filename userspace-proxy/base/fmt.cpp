// fmt itself, compiled into fairlead_base: Debian has it as a shared library only, and fairlead-proxy is linked
// statically. Named below are the templates that fmt's headers declare as instantiated elsewhere and that our files
// use; one that is missing is an unresolved symbol at link time.
#include <fmt/format-inl.h>

#include <locale>

FMT_BEGIN_NAMESPACE
namespace detail {

template dragonbox::decimal_fp<float> dragonbox::to_decimal(float) noexcept;
template dragonbox::decimal_fp<double> dragonbox::to_decimal(double) noexcept;
template std::locale locale_ref::get<std::locale>() const;
template thousands_sep_result<char> thousands_sep_impl(locale_ref);
template char decimal_point_impl(locale_ref);

}  // namespace detail
FMT_END_NAMESPACE
