// The functions of fmt that others of our files call, compiled into fairlead_base: Debian has fmt as a shared library
// only, and fairlead-proxy is linked statically. FMT_HEADER_ONLY makes their definitions visible here, and here alone;
// the table has the compiler emit them. A function that is missing here is an unresolved symbol at link time.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <cstdio>
#include <locale>
#include <string>
#include <tuple>

namespace {

[[noreturn]] void fail(const char* message) { throw fmt::format_error(message); }

[[gnu::used]] const std::tuple kEmitted = {
    static_cast<std::string (*)(fmt::string_view, fmt::format_args)>(fmt::vformat),
    static_cast<void (*)(fmt::string_view, fmt::format_args)>(fmt::vprint),
    static_cast<void (*)(std::FILE*, fmt::string_view, fmt::format_args)>(fmt::vprint),
    static_cast<void (*)(const char*)>(fmt::detail::throw_format_error),
    static_cast<bool (*)(uint32_t)>(fmt::detail::is_printable),
    &fmt::detail::locale_ref::get<std::locale>,
    &fmt::detail::thousands_sep_impl<char>,
    &fmt::detail::decimal_point_impl<char>,
    static_cast<fmt::detail::dragonbox::decimal_fp<float> (*)(float)>(fmt::detail::dragonbox::to_decimal),
    static_cast<fmt::detail::dragonbox::decimal_fp<double> (*)(double)>(fmt::detail::dragonbox::to_decimal),
    &fail,
};

}  // namespace
