#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/http/scan.h"

#include <array>
#include <charconv>

namespace fairlead::http {
namespace {

void append_cleaned(std::string& out, std::string_view text) {
  const size_t start = out.size();
  out.append(text);
  const char* const end = out.data() + out.size();
  if (scan::skip_value(out.data() + start, end) == end) {
    return;
  }
  for (size_t i = start; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') {
      out[i] = ' ';
    }
  }
}

struct Date {
  int64_t year;
  unsigned month;  // 1 to 12
  unsigned day;
};

// Days since 1970-01-01 to the Gregorian date, without a table and without gmtime's lock on the time zone. The year is
// taken to begin in March, so that the leap day comes last; an era has 400 years, 146097 days.
Date date_of(int64_t days) {
  days += 719468;  // since 0000-03-01
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;  // 0: March
  const unsigned day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day};
}

void put_two_digits(char* at, unsigned value) {
  at[0] = static_cast<char>('0' + value / 10 % 10);
  at[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_chunk(std::string& out, std::string_view payload) {
  if (payload.empty()) {
    return;  // an empty chunk would end the body
  }
  std::array<char, 16> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), payload.size(), 16);
  out.append(digits.data(), end).append("\r\n").append(payload).append("\r\n");
}

void append_last_chunk(std::string& out) { out.append("0\r\n\r\n"); }

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_cleaned(out, name);
  out.append(": ");
  append_cleaned(out, value);
  out.append("\r\n");
}

void append_date(std::string& out, int64_t unix_seconds) {
  static constexpr std::string_view kDays = "ThuFriSatSunMonTueWed";  // the epoch was a Thursday
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  static constexpr int64_t kDay = 86400;
  const int64_t days = (unix_seconds >= 0 ? unix_seconds : unix_seconds - (kDay - 1)) / kDay;
  const auto second = static_cast<unsigned>(unix_seconds - days * kDay);
  const Date date = date_of(days);
  const auto weekday = static_cast<size_t>((days % 7 + 7) % 7);
  const auto year = static_cast<unsigned>(date.year);
  char text[] = "Ddd, 00 Mmm 0000 00:00:00 GMT";
  kDays.copy(text, 3, weekday * 3);
  put_two_digits(text + 5, date.day);
  kMonths.copy(text + 8, 3, (date.month - 1) * 3);
  put_two_digits(text + 12, year / 100);
  put_two_digits(text + 14, year);
  put_two_digits(text + 17, second / 3600);
  put_two_digits(text + 20, second / 60 % 60);
  put_two_digits(text + 23, second % 60);
  out.append(text, sizeof text - 1);
}

}  // namespace fairlead::http
