export NEW_API_KEY="sk-your-token"
curl https://1.cnmz.de/v1/models \
-H "Authorization: Bearer $NEW_API_KEY"
