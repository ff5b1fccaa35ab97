#include "media_type.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace postrider {
namespace {

struct known_ending {
    std::string_view ending;
    std::string_view type;
};

constexpr std::array known_endings{
    known_ending{"7z", "application/x-7z-compressed"},
    known_ending{"aac", "audio/aac"},
    known_ending{"asc", "application/pgp-signature"},
    known_ending{"avi", "video/x-msvideo"},
    known_ending{"avif", "image/avif"},
    known_ending{"bmp", "image/bmp"},
    known_ending{"bz2", "application/x-bzip2"},
    known_ending{"c", "text/x-c"},
    known_ending{"css", "text/css"},
    known_ending{"csv", "text/csv"},
    known_ending{"diff", "text/x-diff"},
    known_ending{"doc", "application/msword"},
    known_ending{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    known_ending{"eml", "message/rfc822"},
    known_ending{"epub", "application/epub+zip"},
    known_ending{"flac", "audio/flac"},
    known_ending{"gif", "image/gif"},
    known_ending{"gz", "application/gzip"},
    known_ending{"heic", "image/heic"},
    known_ending{"htm", "text/html"},
    known_ending{"html", "text/html"},
    known_ending{"ics", "text/calendar"},
    known_ending{"jpeg", "image/jpeg"},
    known_ending{"jpg", "image/jpeg"},
    known_ending{"js", "text/javascript"},
    known_ending{"json", "application/json"},
    known_ending{"log", "text/plain"},
    known_ending{"m4a", "audio/mp4"},
    known_ending{"md", "text/markdown"},
    known_ending{"mkv", "video/x-matroska"},
    known_ending{"mov", "video/quicktime"},
    known_ending{"mp3", "audio/mpeg"},
    known_ending{"mp4", "video/mp4"},
    known_ending{"odp", "application/vnd.oasis.opendocument.presentation"},
    known_ending{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    known_ending{"odt", "application/vnd.oasis.opendocument.text"},
    known_ending{"ogg", "audio/ogg"},
    known_ending{"otf", "font/otf"},
    known_ending{"p7s", "application/pkcs7-signature"},
    known_ending{"patch", "text/x-diff"},
    known_ending{"pdf", "application/pdf"},
    known_ending{"png", "image/png"},
    known_ending{"ppt", "application/vnd.ms-powerpoint"},
    known_ending{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    known_ending{"ps", "application/postscript"},
    known_ending{"py", "text/x-python"},
    known_ending{"rtf", "application/rtf"},
    known_ending{"sh", "application/x-sh"},
    known_ending{"svg", "image/svg+xml"},
    known_ending{"tar", "application/x-tar"},
    known_ending{"tgz", "application/gzip"},
    known_ending{"tif", "image/tiff"},
    known_ending{"tiff", "image/tiff"},
    known_ending{"toml", "application/toml"},
    known_ending{"ttf", "font/ttf"},
    known_ending{"txt", "text/plain"},
    known_ending{"vcf", "text/vcard"},
    known_ending{"wav", "audio/wav"},
    known_ending{"webm", "video/webm"},
    known_ending{"webp", "image/webp"},
    known_ending{"woff", "font/woff"},
    known_ending{"woff2", "font/woff2"},
    known_ending{"xls", "application/vnd.ms-excel"},
    known_ending{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    known_ending{"xml", "application/xml"},
    known_ending{"xz", "application/x-xz"},
    known_ending{"yaml", "application/yaml"},
    known_ending{"yml", "application/yaml"},
    known_ending{"zip", "application/zip"},
    known_ending{"zst", "application/zstd"},
};

} // namespace

std::string_view media_type_of(std::string_view file_name) {
    constexpr std::string_view unknown = "application/octet-stream";
    const auto dot = file_name.rfind('.');
    if (dot == std::string_view::npos) {
        return unknown;
    }
    std::string ending(file_name.substr(dot + 1));
    for (char& c : ending) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    const auto* const found = std::find_if(known_endings.begin(), known_endings.end(),
                                           [&](const known_ending& known) { return known.ending == ending; });
    return found == known_endings.end() ? unknown : found->type;
}

} // namespace postrider
