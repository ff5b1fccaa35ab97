#include "csv.hpp"

#include "error.hpp"
#include "message/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace postrider::cli {
namespace {

constexpr int at_end = -1;
constexpr std::size_t largest_row = std::size_t{16} * 1024 * 1024;
constexpr std::size_t most_columns = 10'000;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool ends_field(int c) {
    return c == at_end || c == ',' || c == '\r' || c == '\n';
}

bool is_utf8(std::string_view text) {
    utf8_check check;
    check.feed(text);
    return check.valid();
}

} // namespace

csv_reader::csv_reader(content octets, std::string name)
    : name_(std::move(name)), reader_(std::move(octets)) {}

std::string csv_reader::where() const {
    return fmt::format("{}, row {} (line {})", name_, row_, row_line_);
}

void csv_reader::refuse(const std::string& what, const std::string& next) const {
    throw command_error(exit_code::data, fmt::format("{}: {}", where(), what), next);
}

int csv_reader::peek() {
    if (chunk_.empty()) {
        const auto more = reader_.next();
        if (!more) {
            throw command_error(exit_code::data, fmt::format("{} cannot be read any further", name_),
                                "it must not change while it is sent");
        }
        chunk_ = *more;
        if (!begun_ && std::string_view(chunk_.data(), chunk_.size()).starts_with(byte_order_mark)) {
            chunk_ = chunk_.subspan(byte_order_mark.size());
        }
        begun_ = true;
    }
    return chunk_.empty() ? at_end : static_cast<unsigned char>(chunk_.front());
}

int csv_reader::take() {
    const int c = peek();
    if (c != at_end) {
        chunk_ = chunk_.subspan(1);
        // CRLF, LF and CR alone each end one line.
        line_ += c == '\n' || (c == '\r' && peek() != '\n') ? 1 : 0;
    }
    return c;
}

int csv_reader::take_of_row() {
    if (++row_size_ > largest_row) {
        refuse(fmt::format("more than {} octets: is a quote missing?", largest_row));
    }
    return take();
}

// Behind the opening quote; takes the closing one.
void csv_reader::read_quoted(std::string& field) {
    for (;;) {
        const int c = take_of_row();
        if (c == at_end) {
            refuse("a quoted field does not end", "a quote within a quoted field is written twice");
        }
        if (c == '"' && peek() != '"') {
            return;
        }
        if (c == '"') {
            take_of_row(); // the second of two
        }
        field += static_cast<char>(c);
    }
}

// Up to what ends it, which stays.
void csv_reader::read_field(std::string& field) {
    const bool quoted = peek() == '"';
    if (quoted) {
        take_of_row();
        read_quoted(field);
    }
    while (!ends_field(peek())) {
        const int c = take_of_row();
        if (quoted) {
            refuse("a comma or the end of the line must follow a quoted field");
        }
        if (c == '"') {
            refuse("a quote stands in the middle of a field",
                   "put the whole field into quotes, and write those within it twice");
        }
        field += static_cast<char>(c);
    }
}

// Not checked yet. A blank line is a row of one empty field.
bool csv_reader::read_row(std::vector<std::string>& row) {
    row.clear();
    row_line_ = line_;
    row_size_ = 0;
    if (peek() == at_end) {
        return false;
    }
    do {
        row.emplace_back();
        read_field(row.back());
        if (row.size() > most_columns) {
            refuse(fmt::format("more than {} columns", most_columns));
        }
    } while (peek() == ',' && take_of_row() == ',');
    if (take() == '\r' && peek() == '\n') {
        take();
    }
    return true;
}

void csv_reader::check(const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (!is_utf8(row[i])) {
            refuse(fmt::format("field {} is not valid UTF-8", i + 1), "save the file as UTF-8");
        }
        if (row[i].find('\0') != std::string::npos) {
            refuse(fmt::format("field {} holds a NUL", i + 1));
        }
    }
    if (row.size() != columns_) {
        refuse(fmt::format("{} fields, and the header has {}", row.size(), columns_),
               "a field with a comma, a quote or a line break must stand in quotes");
    }
}

bool csv_reader::next(std::vector<std::string>& row) {
    do {
        ++row_;
        if (!read_row(row)) {
            return false;
        }
    } while (row.size() == 1 && row.front().empty());
    columns_ = columns_ == 0 ? row.size() : columns_;
    check(row);
    return true;
}

} // namespace postrider::cli
