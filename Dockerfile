FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
# The names of static files carry their hashes; making them needs settings that load, not real secrets
RUN SECRET_KEY=build FIELD_ENCRYPTION_KEYS=build python manage.py collectstatic --noinput \
    && useradd --system --create-home bms && mkdir -p var && chown bms var
USER bms
EXPOSE 8000
CMD ["gunicorn", "bmsxero.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "8"]
