#include "mbox.hpp"

#include "error.hpp"
#include "show.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace postrider::cli {
namespace {

constexpr std::string_view from = "From ";
constexpr std::size_t longest_head = 256;
constexpr std::size_t most_quoted = 1'000'000; // each costs 16 octets of memory

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// `hh:mm`, and a year as a word of its own, wherever they stand: no two programs write the same date.
bool holds_date(std::string_view text) {
    bool time = false;
    bool year = false;
    for (std::size_t i = 5; i + 4 <= text.size(); ++i) {
        const auto four = text.substr(i, 4);
        const bool digits = std::all_of(four.begin(), four.end(), is_digit);
        const bool starts_word = text[i - 1] == ' ';
        const bool ends_word = i + 4 == text.size() || text[i + 4] == ' ' || text[i + 4] == '\r';
        year = year || (digits && starts_word && ends_word);
        time = time || (i + 5 <= text.size() && is_digit(text[i]) && is_digit(text[i + 1]) &&
                        text[i + 2] == ':' && is_digit(text[i + 3]) && is_digit(text[i + 4]));
    }
    return time && year;
}

// How many `>` stand in front of `From `; 0 for a line that is none of these.
std::size_t quotes(std::string_view line) {
    const auto count = line.find_first_not_of('>');
    return count != std::string_view::npos && line.substr(count).starts_with(from) ? count : 0;
}

} // namespace

bool looks_like_mbox(const content& octets) {
    auto reader = octets.read();
    const auto chunk = reader.next();
    return chunk && std::string_view(chunk->data(), chunk->size()).starts_with(from);
}

// --- writing ---

std::string_view mbox_writer::separator() {
    return "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n";
}

std::string mbox_writer::quoted(std::string_view part) {
    std::string out;
    for (const char c : part) {
        ended_in_lf_ = c == '\n';
        if (in_line_) {
            out += c;
        } else {
            head_ += c;
            const auto count = std::min(head_.find_first_not_of('>'), head_.size());
            const auto rest = std::string_view(head_).substr(count);
            if (!from.starts_with(rest) || rest.size() == from.size()) {
                out += rest == from ? ">" + head_ : head_;
                head_.clear();
                in_line_ = true;
            }
        }
        in_line_ = in_line_ && c != '\n';
    }
    return out;
}

std::string mbox_writer::finish() {
    std::string out = std::move(head_);
    out += ended_in_lf_ ? "\n" : "\n\n";
    *this = {};
    return out;
}

// --- reading ---

mbox_reader::mbox_reader(content octets, std::string name, bool only_one)
    : octets_(std::move(octets)), name_(std::move(name)), only_one_(only_one), reader_(octets_.read()) {}

bool mbox_reader::next_line(line& into) {
    into.begin = offset_;
    into.head.clear();
    for (;;) {
        if (chunk_.empty()) {
            const auto more = reader_.next();
            if (!more) {
                throw command_error(exit_code::data, fmt::format("{} cannot be read any further", name_),
                                    "it must not change while it is sent");
            }
            chunk_ = *more;
            if (chunk_.empty()) {
                break;
            }
        }
        const void* found = std::memchr(chunk_.data(), '\n', chunk_.size());
        const auto text = found == nullptr
                              ? chunk_.size()
                              : static_cast<std::size_t>(static_cast<const char*>(found) - chunk_.data());
        into.head.append(chunk_.data(), std::min(text, longest_head - into.head.size()));
        const std::size_t used = found == nullptr ? text : text + 1;
        offset_ += used;
        chunk_ = chunk_.subspan(used);
        if (found != nullptr) {
            break;
        }
    }
    into.end = offset_;
    ++number_;
    return into.end != into.begin;
}

void mbox_reader::expect_separator(const line& at) const {
    if (!holds_date(at.head)) {
        throw command_error(exit_code::data,
                            fmt::format("{}, line {}: \"{}\" begins like a separator and has no date", name_,
                                        number_, printable(at.head)),
                            "if it belongs to a message, an mbox must hold it as \">From \"");
    }
}

content mbox_reader::cut(std::uint64_t first, std::uint64_t last, std::vector<octet_range> gaps) const {
    gaps.insert(gaps.begin(), {0, first});
    gaps.push_back({last, octets_.size()});
    return octets_.without(gaps);
}

void mbox_reader::note_quote(const line& at, std::vector<octet_range>& gaps) const {
    const std::size_t count = quotes(at.head);
    if (count == 1 || (count > 1 && !only_one_)) {
        gaps.push_back({at.begin, at.begin + 1});
    }
    if (gaps.size() > most_quoted) {
        throw command_error(exit_code::data,
                            fmt::format("{}, line {}: more than {} lines of a message begin with \">From \"",
                                        name_, number_, most_quoted));
    }
}

void mbox_reader::refuse_joined(const line& at) const {
    throw command_error(
        exit_code::data,
        fmt::format("{}, line {}: \"{}\" follows no empty line, so it may or may not separate two messages",
                    name_, number_, printable(at.head)),
        "put an empty line in front of it, or write it as \">From \"");
}

bool mbox_reader::begin() {
    line at;
    if (next_line(at)) {
        expect_separator(at);
        return true;
    }
    return false;
}

bool mbox_reader::next(content& message) {
    if (!std::exchange(started_, true)) {
        ended_ = !begin();
    }
    if (ended_) {
        return false;
    }
    const std::uint64_t first = offset_;
    std::uint64_t last = first; // without the empty line that may turn out to be the separator's
    bool behind_empty = true;   // a message of nothing at all
    std::vector<octet_range> gaps;
    line at;
    ended_ = true;
    while (next_line(at)) {
        if (at.head.starts_with(from)) {
            expect_separator(at);
            if (!behind_empty) {
                refuse_joined(at);
            }
            ended_ = false;
            break;
        }
        note_quote(at, gaps);
        behind_empty = at.empty();
        last = behind_empty ? at.begin : at.end;
    }
    message = cut(first, last, std::move(gaps));
    return true;
}

} // namespace postrider::cli
