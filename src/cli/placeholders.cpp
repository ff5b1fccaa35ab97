#include "placeholders.hpp"

#include "error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace postrider::cli {
namespace {

constexpr std::string_view opening = "{{";
constexpr std::string_view closing = "}}";
constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

void append_html(std::string& out, std::string_view value) {
    for (const char c : value) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += c;
        }
    }
}

} // namespace

// Braces that enclose no name on one line are text, as in a style sheet.
std::optional<placeholder> find_placeholder(std::string_view text, std::size_t start) {
    for (auto at = text.find(opening, start); at != std::string_view::npos; at = text.find(opening, at + 1)) {
        const auto inner = at + opening.size();
        const auto end = text.find_first_of("{}\r\n", inner);
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        const auto name = trimmed(text.substr(inner, end - inner));
        if (text.substr(end).starts_with(closing) && !name.empty()) {
            return placeholder{at, end + closing.size(), name};
        }
    }
    return std::nullopt;
}

std::size_t column_named(std::string_view name, const std::vector<std::string>& columns,
                         std::string_view where) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found == columns.end()) {
        throw command_error(exit_code::data, fmt::format("{}: there is no column \"{}\"", where, name),
                            fmt::format("the columns are: {}", fmt::join(columns, ", ")));
    }
    return static_cast<std::size_t>(found - columns.begin());
}

bool text_template::has_placeholder(std::string_view text) {
    return find_placeholder(text, 0).has_value();
}

text_template::text_template(std::string_view text, const std::vector<std::string>& columns,
                             std::string_view where) {
    std::size_t start = 0;
    for (auto one = find_placeholder(text, 0); one; one = find_placeholder(text, start)) {
        pieces_.push_back(
            {std::string(text.substr(start, one->begin - start)), column_named(one->name, columns, where)});
        start = one->end;
    }
    pieces_.push_back({std::string(text.substr(start)), std::nullopt});
}

std::vector<std::size_t> text_template::columns() const {
    std::vector<std::size_t> out;
    for (const auto& one : pieces_) {
        if (one.column) {
            out.push_back(*one.column);
        }
    }
    return out;
}

std::string text_template::fill(const std::vector<std::string>& row, bool html) const {
    std::string out;
    for (const auto& one : pieces_) {
        out += one.text;
        if (one.column && html) {
            append_html(out, row[*one.column]);
        } else if (one.column) {
            out += row[*one.column];
        }
    }
    return out;
}

} // namespace postrider::cli
