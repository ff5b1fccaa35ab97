#include "header_fields.hpp"

namespace postrider {
namespace {

constexpr std::size_t longest_name = 128;
// An editor's byte order mark in front of the first field would hide its name from us, but not from every
// recipient.
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

constexpr bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// RFC 5322 3.6.8, and white space in front of the colon, which 4.5 has obsolete software write.
bool finish_name(std::string& name) {
    while (!name.empty() && is_blank(name.back())) {
        name.pop_back();
    }
    bool good = !name.empty();
    for (const char c : name) {
        good = good && c > ' ' && c < 0x7F;
    }
    return good;
}

} // namespace

int header_fields::peek() {
    if (used_ == chunk_.size() && !failed_) {
        const auto next = octets_.next();
        failed_ = !next;
        chunk_ = failed_ ? std::span<const char>{} : *next;
        used_ = 0;
    }
    return used_ == chunk_.size() ? at_end : static_cast<unsigned char>(chunk_[used_]);
}

result<bool> header_fields::next(raw_field& field) {
    field = {};
    in_name_ = true;
    keep_value_ = false;
    const int first = peek();
    if (first == at_end || first == '\r' || first == '\n') {
        return failed_ ? result<bool>(errc::content_unreadable) : false;
    }
    field.where.begin = offset_;
    take_line(field);
    while (peek() == ' ' || peek() == '\t') {
        take_line(field);
    }
    field.where.end = offset_;
    return failed_ ? result<bool>(errc::content_unreadable) : true;
}

void header_fields::take_line(raw_field& field) {
    field.line_end = 0;
    for (int c = peek(); c != at_end; c = peek()) {
        ++used_;
        ++offset_;
        if (c == '\n' || c == '\r') {
            const bool pair = c == '\r' && peek() == '\n';
            used_ += pair ? 1 : 0;
            offset_ += pair ? 1 : 0;
            field.line_end = pair ? 2 : 1;
            field.ends_in_cr = c == '\r' && !pair;
            return;
        }
        take(field, static_cast<char>(c));
    }
}

void header_fields::take(raw_field& field, char c) {
    if (!in_name_) {
        if (keep_value_) {
            field.value.push_back(c);
        }
        return;
    }
    if (c == ':') {
        in_name_ = false;
        field.well_formed = finish_name(field.name);
        keep_value_ = wanted_(field.name);
        return;
    }
    if (field.name.size() < longest_name) {
        field.name.push_back(lower(c));
    }
    if (field.where.begin == 0 && field.name == byte_order_mark) {
        field.name.clear();
    }
}

} // namespace postrider
