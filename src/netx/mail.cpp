#include "mail.hpp"

#include "common.hpp"

#ifndef NX_SMTP_CLIENT_MINIMAL

namespace postrider::netx {

namespace {

constexpr std::string_view crlf = "\r\n";

bool is_ascii(std::string_view s) {
    bool ascii = true;
    for (const char c : s) {
        ascii = ascii && static_cast<unsigned char>(c) < 0x80;
    }
    return ascii;
}

char* put(char* to, std::string_view text) {
    for (const char c : text) {
        *to++ = c;
    }
    return to;
}

char* put_number(char* to, ULONG value, unsigned digits) {
    for (unsigned i = digits; i > 0; --i) {
        to[i - 1] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

char* put_hex(char* to, ULONG value) {
    for (unsigned i = 0; i < 8; ++i) {
        *to++ = "0123456789abcdef"[value >> (28 - 4 * i) & 15U];
    }
    return to;
}

struct calendar_day {
    ULONG year, month, day; // month and day from 1
};

// The proleptic Gregorian calendar, counted in years that begin in March, so that the leap day is the last of
// its year.
calendar_day day_of(ULONG days_since_1970) {
    const ULONG days = days_since_1970 + 719468; // since 0000-03-01
    const ULONG era = days / 146097;             // of 400 years
    const ULONG in_era = days % 146097;
    const ULONG year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const ULONG in_year = in_era - (365 * year + year / 4 - year / 100);
    const ULONG month = (5 * in_year + 2) / 153; // from March, 0
    const bool next_year = month >= 10;
    return {era * 400 + year + (next_year ? 1 : 0), next_year ? month - 9 : month + 3,
            in_year - (153 * month + 2) / 5 + 1};
}

} // namespace

text_mail::text_mail(const fields& f, std::string_view body)
    : fields_(f),
      body_(body), id_{static_cast<ULONG>(NX_RAND()), static_cast<ULONG>(NX_RAND()), tx_time_get()},
      subject_rest_(f.subject) {}

text_mail::text_mail(const fields& f, read_callback read, VOID* context) : text_mail(f, std::string_view{}) {
    read_ = read;
    context_ = context;
}

void text_mail::lend(session& s) {
    if (step_ != step::body) {
        s.lend(header_part(), false);
    } else if (read_ == nullptr) {
        s.lend(body_, true);
    } else {
        lend_from_callback(s);
    }
}

void text_mail::lend_from_callback(session& s) {
    CHAR* data = NX_NULL;
    ULONG length = 0;
    read_begun_ = true;
    if (read_(context_, &data, &length) != NX_SUCCESS || (length > 0 && data == NX_NULL)) {
        s.content_failed(errc::content_unreadable);
    } else {
        s.lend({data, length}, length == 0);
    }
}

// A body that the call-back has begun to give cannot be had again.
bool text_mail::rewind() {
    step_ = step::to;
    index_ = 0;
    separated_ = listed_ = false;
    subject_rest_ = fields_.subject;
    return !read_begun_;
}

std::uint64_t text_mail::size() const {
    if (read_ != nullptr) {
        return 0;
    }
    text_mail ahead = *this;
    std::uint64_t size = body_.size();
    while (ahead.step_ != step::body) {
        size += ahead.header_part().size();
    }
    return size;
}

std::string_view text_mail::header_part() {
    switch (step_) {
    case step::to:
        return address_part(NX_SMTP_RECIPIENT_TO, "To: ", step::cc);
    case step::cc:
        return address_part(NX_SMTP_RECIPIENT_CC, "Cc: ", step::from_name);
    case step::from_name:
        return then(step::from, "From: ");
    case step::from:
        return then(step::subject_name, fields_.from.text());
    case step::subject_name:
        return then(step::subject, "\r\nSubject: ");
    case step::subject:
        return subject_part();
    case step::date:
        return then(step::message_id, date_part());
    case step::message_id:
        return then(step::domain, id_part());
    case step::domain:
        return then(step::priority, fields_.from.domain().empty() ? fields_.domain : fields_.from.domain());
    case step::priority:
        return then(step::mime,
                    fields_.priority == NX_SMTP_MAIL_PRIORITY_HIGH  ? ">\r\nImportance: high\r\nX-Priority: 1"
                    : fields_.priority == NX_SMTP_MAIL_PRIORITY_LOW ? ">\r\nImportance: low\r\nX-Priority: 5"
                                                                    : ">");
    default:
        return then(step::body, mime_header);
    }
}

// The addresses of one type: name or comma, address, and so on; each on a line of its own.
std::string_view text_mail::address_part(UCHAR type, std::string_view name, step next) {
    while (index_ < fields_.recipients.size() && fields_.recipients[index_].tag != type) {
        ++index_;
    }
    if (index_ == fields_.recipients.size()) {
        const bool any = listed_;
        listed_ = false;
        index_ = 0;
        return then(next, any ? crlf : "");
    }
    if (!separated_) {
        separated_ = true;
        return listed_ ? ",\r\n " : name;
    }
    separated_ = false;
    listed_ = true;
    return fields_.recipients[index_++].path.text();
}

// ASCII as it is; other text as encoded-words (RFC 2047 2) of at most 75 octets, cut between characters.
std::string_view text_mail::subject_part() {
    if (is_ascii(fields_.subject)) {
        return then(step::date, fields_.subject);
    }
    constexpr std::size_t most = 45;
    std::size_t size = subject_rest_.size() < most ? subject_rest_.size() : most;
    while (size > 1 && size < subject_rest_.size() &&
           (static_cast<unsigned char>(subject_rest_[size]) & 0xC0U) == 0x80U) {
        --size;
    }
    char* to = put(scratch_.data(), "=?utf-8?B?");
    for (std::size_t i = 0; i < size; i += 3) {
        base64_encode_group(subject_rest_.data() + i, static_cast<unsigned>(size - i < 3 ? size - i : 3), to);
        to += 4;
    }
    to = put(to, "?=");
    subject_rest_ = {subject_rest_.data() + size, subject_rest_.size() - size};
    if (subject_rest_.empty()) {
        step_ = step::date;
    } else {
        to = put(to, "\r\n ");
    }
    return {scratch_.data(), static_cast<std::size_t>(to - scratch_.data())};
}

// RFC 5322 3.3, in UTC. Also ends the subject's line.
std::string_view text_mail::date_part() {
    if (fields_.time == 0) {
        return "\r\n";
    }
    constexpr std::string_view days = "ThuFriSatSunMonTueWed"; // 1970-01-01 was a Thursday
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const ULONG day = fields_.time / 86400;
    const ULONG second = fields_.time % 86400;
    const calendar_day date = day_of(day);
    char* to = put(scratch_.data(), "\r\nDate: ");
    to = put(to, {days.data() + std::size_t{3} * (day % 7), 3});
    to = put(to, ", ");
    to = put_number(to, date.day, 2);
    to = put(to, " ");
    to = put(to, {months.data() + std::size_t{3} * (date.month - 1), 3});
    to = put(to, " ");
    to = put_number(to, date.year, 4);
    to = put(to, " ");
    to = put_number(to, second / 3600, 2);
    to = put(to, ":");
    to = put_number(to, second / 60 % 60, 2);
    to = put(to, ":");
    to = put_number(to, second % 60, 2);
    to = put(to, " +0000\r\n");
    return {scratch_.data(), static_cast<std::size_t>(to - scratch_.data())};
}

std::string_view text_mail::id_part() {
    char* to = put(scratch_.data(), "Message-ID: <");
    for (const ULONG part : id_) {
        to = put_hex(to, part);
    }
    to = put(to, "@");
    return {scratch_.data(), static_cast<std::size_t>(to - scratch_.data())};
}

} // namespace postrider::netx

#endif // NX_SMTP_CLIENT_MINIMAL
