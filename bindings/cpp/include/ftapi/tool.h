/// @file
/// The functions of the vendor's tool.h that its samples use.
#ifndef CAPDIST_FTAPI_TOOL_H
#define CAPDIST_FTAPI_TOOL_H

#include <google/protobuf/util/json_util.h>

#include <string>

/// Writes the message as indented JSON. Returns false if that is not possible, for example because a text is not UTF-8.
inline bool ProtoBufToBodyData(const google::protobuf::Message &stMsg, std::string &strBody) {
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    strBody.clear();
    return google::protobuf::util::MessageToJsonString(stMsg, &strBody, options).ok();
}

/// Converts text for the terminal, which uses UTF-8: returns it unchanged.
inline std::string UTF8ToLocal(const std::string &strUTF8) {
    return strUTF8;
}

#endif
