#include "entity.hpp"

#include "base64_lines.hpp"
#include "gmime.hpp"
#include "header_text.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace postrider {
namespace {

constexpr std::uint64_t longest_line = 998; // RFC 5322 2.1.1
// "=_" can stand neither in quoted-printable nor in base64 (RFC 2045 6.7, RFC 2046 5.1.1).
constexpr std::string_view boundary_start = "=_";
constexpr int most_draws = 16;

std::string_view view(std::span<const char> octets) {
    return {octets.data(), octets.size()};
}

/// Calls `take(chunk)`, which may stop with an error, for each chunk.
template <class Take>
errc for_each_chunk(const content& octets, Take take) {
    content::reader reader = octets.read();
    for (;;) {
        const auto chunk = reader.next();
        if (!chunk || chunk->empty()) {
            return chunk.error();
        }
        if (const errc e = take(view(*chunk)); e != errc::ok) {
            return e;
        }
    }
}

/// Makes every CRLF, bare CR and bare LF the same line end, and gives the last line one.
class line_ends {
  public:
    explicit line_ends(std::string_view newline) noexcept : newline_(newline) {}

    void feed(std::string_view chunk, std::string& out) {
        while (!chunk.empty()) {
            if (std::exchange(after_cr_, false) && chunk.front() == '\n') {
                chunk.remove_prefix(1);
                continue;
            }
            const auto end = std::min(chunk.find_first_of("\r\n"), chunk.size());
            out.append(chunk.substr(0, end));
            in_line_ = in_line_ || end != 0;
            chunk.remove_prefix(end);
            if (!chunk.empty()) {
                after_cr_ = chunk.front() == '\r';
                chunk.remove_prefix(1);
                out.append(newline_);
                in_line_ = false;
            }
        }
    }

    void finish(std::string& out) {
        if (std::exchange(in_line_, false)) {
            out.append(newline_);
        }
    }

  private:
    std::string_view newline_;
    bool after_cr_ = false;
    bool in_line_ = false;
};

/// Quoted-printable by GMime, whose line ends become CRLF on the way out.
class quoted_printable_lines {
  public:
    quoted_printable_lines() { g_mime_encoding_init_encode(&state_, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE); }

    std::string_view feed(std::string_view octets) {
        encoded_.resize(g_mime_encoding_outlen(&state_, octets.size()));
        encoded_.resize(g_mime_encoding_step(&state_, octets.data(), octets.size(), encoded_.data()));
        return with_crlf();
    }

    std::string_view finish() {
        encoded_.resize(g_mime_encoding_outlen(&state_, 0));
        encoded_.resize(g_mime_encoding_flush(&state_, "", 0, encoded_.data()));
        return with_crlf();
    }

  private:
    std::string_view with_crlf() {
        lines_.clear();
        ends_.feed(encoded_, lines_);
        return lines_;
    }

    GMimeEncoding state_{};
    line_ends ends_{"\r\n"};
    std::string encoded_;
    std::string lines_;
};

class encoder {
  public:
    encoder(transfer_encoding how, spool& into) : base64_(how == transfer_encoding::base64), into_(into) {}

    errc feed(std::string_view octets) {
        return put(base64_ ? in_base64_.feed(octets) : in_quoted_printable_.feed(octets));
    }
    errc finish() { return put(base64_ ? in_base64_.finish() : in_quoted_printable_.finish()); }

  private:
    errc put(std::string_view lines) { return into_.append(lines) ? errc::ok : errc::content_unreadable; }

    const bool base64_;
    spool& into_;
    base64_lines in_base64_;
    quoted_printable_lines in_quoted_printable_;
};

bool encodes(transfer_encoding how) {
    return how == transfer_encoding::base64 || how == transfer_encoding::quoted_printable;
}

errc write_encoded(const entity& leaf, spool& into) {
    encoder out(leaf.encoding, into);
    // Quoted-printable takes LF for the end of a line; in base64 it must be CRLF (RFC 2045 6.8).
    line_ends ends(leaf.encoding == transfer_encoding::base64 ? "\r\n" : "\n");
    std::string lines;
    const errc e = for_each_chunk(leaf.octets, [&](std::string_view chunk) {
        if (!leaf.is_text) {
            return out.feed(chunk);
        }
        lines.clear();
        ends.feed(chunk, lines);
        return out.feed(lines);
    });
    if (e != errc::ok) {
        return e;
    }
    lines.clear();
    ends.finish(lines);
    const errc last = out.feed(lines);
    return last == errc::ok ? out.finish() : last;
}

errc write_plain(const entity& leaf, spool& into) {
    line_ends ends("\r\n");
    std::string lines;
    const errc e = for_each_chunk(leaf.octets, [&](std::string_view chunk) {
        lines.clear();
        if (leaf.is_text) {
            ends.feed(chunk, lines);
        }
        return into.append(leaf.is_text ? std::string_view(lines) : chunk) ? errc::ok
                                                                           : errc::content_unreadable;
    });
    lines.clear();
    ends.finish(lines);
    return e == errc::ok && !into.append(lines) ? errc::content_unreadable : e;
}

errc write_parts(const entity& what, spool& into) {
    for (const entity& part : what.parts) {
        if (!into.append("--" + what.boundary + "\r\n")) {
            return errc::content_unreadable;
        }
        if (const errc e = write_entity(part, into); e != errc::ok) {
            return e;
        }
        // The line end in front of a boundary belongs to the boundary (RFC 2046 5.1.1).
        if (!into.append("\r\n")) {
            return errc::content_unreadable;
        }
    }
    return into.append("--" + what.boundary + "--\r\n") ? errc::ok : errc::content_unreadable;
}

constexpr std::string_view encoding_name(transfer_encoding how) {
    constexpr std::array<std::string_view, 5> names{"7bit", "8bit", "binary", "quoted-printable", "base64"};
    return names[static_cast<std::size_t>(how)];
}

void collect_multiparts(entity& root, std::vector<entity*>& found) {
    if (!root.subtype.empty()) {
        found.push_back(&root);
    }
    for (entity& part : root.parts) {
        collect_multiparts(part, found);
    }
}

/// Looks for any of the boundaries in one text, across the cuts between its chunks.
class boundary_search {
  public:
    explicit boundary_search(const std::vector<entity*>& multiparts) : multiparts_(multiparts) {}

    bool found_in(std::string_view chunk) {
        window_ += chunk;
        for (const entity* one : multiparts_) {
            if (window_.find(one->boundary) != std::string::npos) {
                return true;
            }
        }
        const std::size_t keep = std::min(window_.size(), multiparts_.front()->boundary.size() - 1);
        window_.erase(0, window_.size() - keep);
        return false;
    }

  private:
    const std::vector<entity*>& multiparts_;
    std::string window_;
};

/// bad_message when a boundary stands in a part.
errc check_boundaries(const entity& what, const std::vector<entity*>& multiparts) {
    for (const entity& part : what.parts) {
        if (const errc e = check_boundaries(part, multiparts); e != errc::ok) {
            return e;
        }
    }
    if (!what.subtype.empty() || what.encoding == transfer_encoding::base64) {
        return errc::ok;
    }
    boundary_search search(multiparts);
    return for_each_chunk(what.octets, [&](std::string_view chunk) {
        return search.found_in(chunk) ? errc::bad_message : errc::ok;
    });
}

bool all_different(const std::vector<entity*>& multiparts) {
    for (std::size_t i = 1; i < multiparts.size(); ++i) {
        for (std::size_t j = 0; j != i; ++j) {
            if (multiparts[i]->boundary == multiparts[j]->boundary) {
                return false;
            }
        }
    }
    return true;
}

} // namespace

entity multipart_of(std::string_view subtype, std::vector<entity> parts) {
    entity whole;
    whole.subtype = subtype;
    for (const entity& part : parts) {
        if (!encodes(part.encoding)) {
            whole.encoding = std::max(whole.encoding, part.encoding);
        }
    }
    whole.parts = std::move(parts);
    return whole;
}

result<bool> is_utf8(const content& text) {
    utf8_check encoding;
    const errc e = for_each_chunk(text, [&](std::string_view chunk) {
        encoding.feed(chunk);
        return errc::ok;
    });
    return e == errc::ok ? result<bool>(encoding.valid()) : e;
}

result<transfer_encoding> text_encoding(const content& text, const content_traits& traits, bool eight_bit) {
    if (traits.longest_line <= longest_line && (eight_bit || !traits.has_8bit)) {
        return traits.has_8bit ? transfer_encoding::eight_bit : transfer_encoding::seven_bit;
    }
    std::uint64_t escapes = 0;
    const errc e = for_each_chunk(text, [&](std::string_view chunk) {
        escapes += static_cast<std::uint64_t>(
            std::count_if(chunk.begin(), chunk.end(), [](char c) { return (c & 0x80) != 0 || c == '='; }));
        return errc::ok;
    });
    if (e != errc::ok) {
        return e;
    }
    // n + 2 escapes against 4/3 n: whichever is shorter.
    return escapes < text.size() / 6 || text.size() < 6 ? transfer_encoding::quoted_printable
                                                        : transfer_encoding::base64;
}

errc draw_boundaries(entity& root, const random_source& random) {
    std::vector<entity*> multiparts;
    collect_multiparts(root, multiparts);
    if (multiparts.empty()) {
        return errc::ok;
    }
    for (int draw = 0; draw != most_draws; ++draw) {
        for (entity* one : multiparts) {
            auto name = random_name(random);
            if (!name) {
                return errc::bad_message;
            }
            one->boundary = std::string(boundary_start) + *name;
        }
        const errc e = all_different(multiparts) ? check_boundaries(root, multiparts) : errc::bad_message;
        if (e != errc::bad_message) {
            return e;
        }
    }
    return errc::bad_message;
}

errc write_entity(const entity& what, spool& into) {
    std::string fields = what.fields;
    if (!what.subtype.empty()) {
        header_tokens type{"multipart/" + std::string(what.subtype) + ";"};
        if (what.subtype == "related") {
            type.emplace_back("type=\"text/html\";"); // RFC 2387 3.1
        }
        type.push_back("boundary=\"" + what.boundary + "\"");
        append_field(fields, "Content-Type", type);
    }
    append_field(fields, "Content-Transfer-Encoding", {std::string(encoding_name(what.encoding))});
    if (!into.append(fields + "\r\n")) {
        return errc::content_unreadable;
    }
    if (!what.subtype.empty()) {
        return write_parts(what, into);
    }
    return encodes(what.encoding) ? write_encoded(what, into) : write_plain(what, into);
}

} // namespace postrider
