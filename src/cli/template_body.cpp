#include "template_body.hpp"

#include "error.hpp"
#include "fingerprint.hpp"
#include "message/gmime.hpp"
#include "message/header_fields.hpp"
#include "message/utf8.hpp"
#include "postrider/capabilities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace postrider::cli {
namespace {

constexpr std::uint64_t largest_template = std::uint64_t{64} * 1024 * 1024;
constexpr int deepest = 50;

struct unref {
    void operator()(void* object) const noexcept { g_object_unref(object); }
};
template <class T>
using owned = std::unique_ptr<T, unref>;

command_error data_error(const std::string& what, std::string next = {}) {
    return {exit_code::data, what, std::move(next)};
}

std::string whole_text(const content& octets, const std::string& name) {
    if (octets.size() > largest_template) {
        throw data_error(fmt::format("{} is larger than 64 MiB", name), "leave out the attachments");
    }
    std::string out;
    auto reader = octets.read();
    for (;;) {
        const auto chunk = reader.next();
        if (!chunk) {
            throw data_error(name + " cannot be read");
        }
        if (chunk->empty()) {
            return out;
        }
        out.append(chunk->data(), chunk->size());
    }
}

std::string text_of(GMimeStream* memory) {
    const GByteArray* octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
    return {reinterpret_cast<const char*>(octets->data), octets->len};
}

// The text of a part as UTF-8, whatever its charset and encoding.
std::string decoded(GMimeTextPart* part, const std::string& name) {
    const owned<GMimeStream> raw(g_mime_stream_mem_new());
    GMimeDataWrapper* inner = g_mime_part_get_content(GMIME_PART(part));
    if (inner != nullptr) {
        g_mime_data_wrapper_write_to_stream(inner, raw.get());
    }
    std::string text = text_of(raw.get());
    const char* charset = g_mime_text_part_get_charset(part);
    const std::string_view label = charset == nullptr ? "us-ascii" : charset;
    utf8_check check;
    check.feed(text);
    if (check.valid() && (equal_ignoring_case(label, "us-ascii") || equal_ignoring_case(label, "utf-8"))) {
        return text;
    }
    const owned<GMimeFilter> known(g_mime_filter_charset_new(std::string(label).c_str(), "utf-8"));
    const glib_text converted(known ? g_mime_text_part_get_text(part) : nullptr); // else GMime would guess
    if (!converted || equal_ignoring_case(label, "us-ascii") || equal_ignoring_case(label, "utf-8")) {
        throw data_error(fmt::format("{}: a text part is not in the charset it claims, {}", name, label),
                         "write the template in UTF-8");
    }
    return converted.get();
}

// Which encoding costs less; values are small beside the text.
bool prefers_base64(std::string_view text) {
    const auto escapes =
        std::count_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return static_cast<std::size_t>(escapes) * 6 > text.size();
}

std::string with_line_ends(std::string_view text, std::string_view line_end) {
    std::string out;
    char before = '\0';
    for (const char c : text) {
        if (c == '\r' || (c == '\n' && before != '\r')) {
            out += line_end;
        } else if (c != '\n') {
            out += c;
        }
        before = c;
    }
    return out;
}

std::string encoded(std::string_view text, bool base64) {
    // In base64 a line ends in CRLF (RFC 2045 6.8); quoted-printable takes LF for the end of a line.
    const std::string lines = with_line_ends(text, base64 ? "\r\n" : "\n");
    GMimeEncoding state{};
    g_mime_encoding_init_encode(&state, base64 ? GMIME_CONTENT_ENCODING_BASE64
                                               : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    std::string out(g_mime_encoding_outlen(&state, lines.size()), '\0');
    out.resize(g_mime_encoding_flush(&state, lines.data(), lines.size(), out.data()));
    return with_line_ends(out, "\r\n");
}

// Walks the parts and leaves marks where texts were.
class marker {
  public:
    marker(const std::string& name, const std::vector<std::string>& columns, std::string mark)
        : name_(name), columns_(columns), mark_(std::move(mark)) {}

    void visit(GMimeObject* object, bool is_signed = false, int depth = 0) {
        if (depth > deepest) {
            throw data_error(name_ + ": its parts are nested too deeply");
        }
        if (GMIME_IS_MULTIPART(object)) {
            const bool sealed =
                is_signed || GMIME_IS_MULTIPART_SIGNED(object) || GMIME_IS_MULTIPART_ENCRYPTED(object);
            GMimeMultipart* parts = GMIME_MULTIPART(object);
            for (int i = 0; i < g_mime_multipart_get_count(parts); ++i) {
                visit(g_mime_multipart_get_part(parts, i), sealed, depth + 1);
            }
        } else if (GMIME_IS_TEXT_PART(object) && !g_mime_part_is_attachment(GMIME_PART(object))) {
            take(GMIME_TEXT_PART(object), is_signed);
        }
    }

    std::vector<text_template> texts;
    std::vector<bool> html;
    std::vector<bool> base64;

  private:
    void take(GMimeTextPart* part, bool is_signed) {
        GMimeContentType* type = g_mime_object_get_content_type(GMIME_OBJECT(part));
        const bool is_html = g_mime_content_type_is_type(type, "text", "html") != 0;
        if (!is_html && g_mime_content_type_is_type(type, "text", "plain") == 0) {
            return;
        }
        const std::string text = decoded(part, name_);
        if (!text_template::has_placeholder(text)) {
            return;
        }
        if (is_signed) {
            throw data_error(name_ + ": a signed part holds a placeholder, and the signature would not hold",
                             "take the signature out of the template");
        }
        texts.emplace_back(text, columns_, name_);
        html.push_back(is_html);
        base64.push_back(prefers_base64(text));
        const GMimeContentEncoding how =
            base64.back() ? GMIME_CONTENT_ENCODING_BASE64 : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
        g_mime_content_type_set_parameter(type, "charset", "utf-8");
        const owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(mark_.data(), mark_.size()));
        // Said to be encoded already: it is written as it is.
        const owned<GMimeDataWrapper> wrapper(g_mime_data_wrapper_new_with_stream(stream.get(), how));
        g_mime_part_set_content(GMIME_PART(part), wrapper.get());
        g_mime_part_set_content_encoding(GMIME_PART(part), how);
    }

    const std::string& name_;
    const std::vector<std::string>& columns_;
    std::string mark_;
};

owned<GMimeMessage> parse(const std::string& text) {
    const owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(text.data(), text.size()));
    const owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    return owned<GMimeMessage>(g_mime_parser_construct_message(parser.get(), nullptr));
}

bool no_value(std::string_view) {
    return false;
}

// Where the header ends: its last line end included, the empty line not.
std::size_t header_end(const std::string& text, const std::string& name) {
    const content octets = content::lent(text);
    header_fields fields(octets, no_value);
    raw_field field;
    std::size_t end = 0;
    while (fields.next(field).value()) {
        if (!field.well_formed) {
            throw data_error(
                fmt::format("{}: the line at octet {} is not a header field", name, field.where.begin),
                "a template is a whole message: header fields, an empty line, the text");
        }
        end = field.where.end;
    }
    return end;
}

} // namespace

template_body::template_body(const content& message, const std::string& name,
                             const std::vector<std::string>& columns) {
    start_gmime();
    std::string text = whole_text(message, name);
    header_end(text, name); // before GMime makes the best of it
    const std::string mark =
        std::string("m").append(random_text()).append("m"); // found again wherever it comes to stand
    marker marks(name, columns, mark);
    const auto parsed = parse(text);
    GMimeObject* root = parsed ? g_mime_message_get_mime_part(parsed.get()) : nullptr;
    if (root == nullptr) {
        throw data_error(name + " is not a message", "a template is a whole message: header fields, an empty "
                                                     "line, the text");
    }
    marks.visit(root);
    if (!marks.texts.empty()) {
        const owned<GMimeStream> written(g_mime_stream_mem_new());
        g_mime_object_write_to_stream(GMIME_OBJECT(parsed.get()), nullptr, written.get());
        text = text_of(written.get());
    }
    const auto end = header_end(text, name);
    header_ = text.substr(0, end);
    std::size_t start = end;
    for (std::size_t i = 0; i < marks.texts.size(); ++i) {
        const auto at = text.find(mark, start);
        if (at == std::string::npos) {
            throw command_error(exit_code::internal, name + ": a text part was lost while it was prepared");
        }
        literals_.push_back(text.substr(start, at - start));
        start = at + mark.size();
        parts_.push_back({marks.html[i], marks.base64[i]});
    }
    literals_.push_back(text.substr(start));
    texts_ = std::move(marks.texts);
}

std::string template_body::fill(const std::vector<std::string>& row) const {
    std::string out = literals_.front();
    for (std::size_t i = 0; i < texts_.size(); ++i) {
        out += encoded(texts_[i].fill(row, parts_[i].html), parts_[i].base64);
        out += literals_[i + 1];
    }
    return out;
}

} // namespace postrider::cli
